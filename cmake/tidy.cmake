# clang-tidy runs with the compiler, so that a source is looked at anew only when it, a header of it
# or the list of checks changed: a whole look takes minutes.
function(fluoro_tidy target)
    if(FLUORO_TIDY)
        find_program(CLANG_TIDY NAMES clang-tidy-14 clang-tidy REQUIRED)
        set_target_properties(${target} PROPERTIES C_CLANG_TIDY "${CLANG_TIDY};--quiet")
        set_source_files_properties(${ARGN} PROPERTIES OBJECT_DEPENDS ${CMAKE_SOURCE_DIR}/.clang-tidy)
    endif()
endfunction()
