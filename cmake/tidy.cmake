# clang-tidy runs with the compiler, so that a source is looked at anew only when it, a header of it
# or the list of checks changed: a whole look takes minutes. The analyzer's paths through one function
# are bounded to a fifth of its default, which takes a fifth of the time: its findings come early.
set(FLUORO_TIDY_NODES 15000 CACHE STRING "states of a function that clang-tidy's analyzer visits")

function(fluoro_tidy target)
    if(FLUORO_TIDY)
        find_program(CLANG_TIDY NAMES clang-tidy-14 clang-tidy REQUIRED)
        set_target_properties(${target} PROPERTIES C_CLANG_TIDY
            "${CLANG_TIDY};--quiet;--extra-arg=-Xclang;--extra-arg=-analyzer-config;--extra-arg=-Xclang;--extra-arg=max-nodes=${FLUORO_TIDY_NODES}")
        set_source_files_properties(${ARGN} PROPERTIES OBJECT_DEPENDS ${CMAKE_SOURCE_DIR}/.clang-tidy)
    endif()
endfunction()
