# Build switches (set by CMakePresets.json) and the compile flags that every target shares.
option(QUANTRING_TESTS "Build the tests, benches and fuzz replays" ${PROJECT_IS_TOP_LEVEL})
option(QUANTRING_STATIC "Link the programs fully static" OFF)
option(QUANTRING_FUZZ "Build only the libFuzzer targets (needs clang)" OFF)
option(QUANTRING_CUDA "Build the CUDA backend (needs nvcc)" OFF)
option(QUANTRING_WERROR "Warnings are errors" OFF)
# As a subdirectory of another project: only the library, and what its tests drive.
set(QUANTRING_PROGRAMS OFF)
if(PROJECT_IS_TOP_LEVEL OR QUANTRING_TESTS)
  set(QUANTRING_PROGRAMS ON)
endif()
set(QUANTRING_SANITIZE "" CACHE STRING "Sanitizers to compile with, e.g. address,undefined or thread")

# -O2 for all but what sets its own: -O3 made nothing else faster and everything slower to build.
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
endif()

add_library(quantring_flags INTERFACE)
target_include_directories(quantring_flags INTERFACE ${PROJECT_SOURCE_DIR})
# Every object may become a part of libquantring.so, and all programs share one precompiled header,
# which GCC accepts only with the same flag. With hidden symbols -fPIC costs no speed.
target_compile_options(quantring_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fPIC>
  $<$<COMPILE_LANGUAGE:CXX>:-fvisibility=hidden> $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-fPIC,-fvisibility=hidden>)
set(host_warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
if(QUANTRING_WERROR)
  list(APPEND host_warnings -Werror)
endif()
target_compile_options(quantring_flags INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${host_warnings}>")
# GCC 12 warns falsely of copies in std::string's operator+ (its bug 105651, fixed in 13), under four names.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION MATCHES "^12")
  target_compile_options(quantring_flags INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict;-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread>")
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

# quantring_program(<target>): link settings shared by the programs that are run elsewhere.
function(quantring_program target)
  if(QUANTRING_STATIC)
    target_link_options(${target} PRIVATE -static-pie)
  endif()
endfunction()

# For code that is not worth the optimizer's time. A sanitizer build sets one level for all.
set(quantring_light_optimization "$<$<COMPILE_LANGUAGE:CXX>:-O1>")
if(QUANTRING_SANITIZE)
  set(quantring_light_optimization "")
endif()

# quantring_commands(<target>): options and wiring.
# CLI11's headers define objects in every file that includes them, which costs seconds each: several
# files are compiled as one. Not for tools that read the compile commands (make tidy).
function(quantring_commands target)
  target_compile_options(${target} PRIVATE ${quantring_light_optimization})
  if(NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 4)
  endif()
endfunction()

# quantring_templates(<target>): many files that instantiate the same templates. A sanitizer build, in which that is
# most of the time, compiles several files as one: names without linkage are unique in such a library.
function(quantring_templates target)
  if(QUANTRING_SANITIZE AND NOT QUANTRING_FUZZ)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON)
  endif()
endfunction()

# quantring_precompile(<target>): the headers that nearly every file includes, compiled once for all.
function(quantring_precompile target)
  target_precompile_headers(${target} REUSE_FROM quantring_precompiled)
endfunction()

# The commit that --version prints: asked of git at each build.
set(commit_file ${PROJECT_BINARY_DIR}/commit.cpp)
add_custom_target(quantring_write_commit BYPRODUCTS ${commit_file}
  COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${PROJECT_SOURCE_DIR} -DOUTPUT=${commit_file}
  -P ${CMAKE_CURRENT_LIST_DIR}/WriteCommit.cmake VERBATIM)
add_library(quantring_commit STATIC EXCLUDE_FROM_ALL ${commit_file})
add_dependencies(quantring_commit quantring_write_commit)
