# The libraries of DESIGN §8, all from Debian's packages (tools/deps.txt).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(LLHTTP REQUIRED IMPORTED_TARGET libllhttp>=9.2)
pkg_check_modules(YYJSON REQUIRED IMPORTED_TARGET yyjson>=0.10)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)

add_library(fl_libraries INTERFACE)
target_link_libraries(fl_libraries INTERFACE PkgConfig::UV PkgConfig::LLHTTP PkgConfig::YYJSON
    PkgConfig::LZ4 PkgConfig::ZSTD PkgConfig::XXHASH PkgConfig::ZLIB PkgConfig::CRYPTO PkgConfig::INIH Threads::Threads m)
# Loaded by src/cli/curl.c when it is needed, not linked.
target_include_directories(fl_libraries SYSTEM INTERFACE ${CURL_INCLUDE_DIRS})
