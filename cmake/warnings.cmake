# Flags that every target of ours gets.
add_library(fl_options INTERFACE)
target_include_directories(fl_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(fl_options INTERFACE _GNU_SOURCE FLUORO_VERSION="${PROJECT_VERSION}")
target_compile_options(fl_options INTERFACE
    -Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
    -Wcast-qual -Wformat=2 -Wundef -fno-strict-aliasing -fno-common -fvisibility=hidden)
if(FLUORO_SANITIZE)
    target_compile_options(fl_options INTERFACE -fsanitize=${FLUORO_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(fl_options INTERFACE -fsanitize=${FLUORO_SANITIZE})
    target_compile_definitions(fl_options INTERFACE FL_ARENA_DEBUG=1)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(fl_options INTERFACE -ffunction-sections -fdata-sections -fstack-protector-strong)
    target_compile_definitions(fl_options INTERFACE _FORTIFY_SOURCE=2)
    target_link_options(fl_options INTERFACE -Wl,--gc-sections -Wl,-z,relro,-z,now -pie)
    target_compile_options(fl_options INTERFACE -fPIE)
endif()
