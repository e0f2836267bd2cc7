# The release binary goes out stripped; its symbols stay beside it in <name>.debug, where gdb and
# perf find them by the link in the binary.
function(fluoro_split_symbols target)
    if(CMAKE_BUILD_TYPE STREQUAL "Release")
        add_custom_command(TARGET ${target} POST_BUILD
            COMMAND ${CMAKE_OBJCOPY} --only-keep-debug ${target} ${target}.debug
            COMMAND ${CMAKE_STRIP} --strip-all ${target}
            COMMAND ${CMAKE_OBJCOPY} --add-gnu-debuglink=${target}.debug ${target}
            WORKING_DIRECTORY $<TARGET_FILE_DIR:${target}>
            VERBATIM)
    endif()
endfunction()
