# Build switches (set by CMakePresets.json) and the compile flags that every target shares.
option(QUANTRING_TESTS "Build the tests, benches and fuzz replays" ON)
option(QUANTRING_STATIC "Link the programs fully static" OFF)
option(QUANTRING_FUZZ "Build only the libFuzzer targets (needs clang)" OFF)
option(QUANTRING_CUDA "Build the CUDA backend (needs nvcc)" OFF)
option(QUANTRING_WERROR "Warnings are errors" OFF)
set(QUANTRING_SANITIZE "" CACHE STRING "Sanitizers to compile with, e.g. address,undefined or thread")

# -O2 for all but what sets its own: -O3 made nothing else faster and everything slower to build.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

add_library(quantring_flags INTERFACE)
target_include_directories(quantring_flags INTERFACE ${PROJECT_SOURCE_DIR})
set(host_warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
if(QUANTRING_WERROR)
  list(APPEND host_warnings -Werror)
endif()
target_compile_options(quantring_flags INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${host_warnings}>")
# GCC 12 takes "literal" + std::string for overlapping copies at -O3 (its bug 105651, mended in 13).
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION MATCHES "^12")
  target_compile_options(quantring_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
# The version that peers exchange in their hello and that --version prints.
target_compile_definitions(quantring_flags INTERFACE QUANTRING_VERSION="${PROJECT_VERSION}")

if(QUANTRING_FUZZ)
  set(QUANTRING_SANITIZE address,undefined,fuzzer-no-link)
endif()
if(QUANTRING_SANITIZE)
  target_compile_options(quantring_flags INTERFACE
    -fsanitize=${QUANTRING_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(quantring_flags INTERFACE -fsanitize=${QUANTRING_SANITIZE})
endif()

# A static program is position-independent too: a node reads what comes over the network.
if(QUANTRING_STATIC)
  target_compile_options(quantring_flags INTERFACE -fPIE)
endif()

# quantring_program(<target>): link settings shared by the programs that are run elsewhere.
function(quantring_program target)
  if(QUANTRING_STATIC)
    target_link_options(${target} PRIVATE -static-pie)
  endif()
endfunction()

# quantring_precompile(<target>): the headers that nearly every file includes, compiled once a target.
function(quantring_precompile target)
  target_precompile_headers(${target} PRIVATE
    "$<$<COMPILE_LANGUAGE:CXX>:${PROJECT_SOURCE_DIR}/cmake/precompiled.h>")
endfunction()
