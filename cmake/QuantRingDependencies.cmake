# Libraries from the distribution. Static archives are preferred: the programs are copied to other
# machines.
find_package(Threads REQUIRED)

# quantring_find_header(<target> <header> <package>): a header-only library as an interface target.
function(quantring_find_header target header package)
  find_path(${target}_INCLUDE ${header} PATH_SUFFIXES stb)
  if(NOT ${target}_INCLUDE)
    message(FATAL_ERROR "${header} not found: apt-get install ${package}")
  endif()
  add_library(${target} INTERFACE)
  target_include_directories(${target} SYSTEM INTERFACE ${${target}_INCLUDE})
endfunction()

quantring_find_header(quantring_asio asio.hpp libasio-dev)
# ASIO_DISABLE_STD_ALIGNED_ALLOC: Asio decides on aligned_alloc or operator new by what was included
# before it: without this, files that differ in that allocate by one and free by the other.
target_compile_definitions(quantring_asio INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED
  ASIO_SEPARATE_COMPILATION ASIO_DISABLE_STD_ALIGNED_ALLOC)
target_link_libraries(quantring_asio INTERFACE Threads::Threads)
quantring_find_header(quantring_stb stb_image.h libstb-dev)
quantring_find_header(quantring_json nlohmann/json.hpp nlohmann-json3-dev)
quantring_find_header(quantring_toml toml++/toml.h libtomlplusplus-dev)
quantring_find_header(quantring_fmt_headers fmt/format.h libfmt-dev)
add_library(quantring_fmt STATIC ${CMAKE_CURRENT_LIST_DIR}/fmt_compiled.cpp)
target_link_libraries(quantring_fmt PUBLIC quantring_flags quantring_fmt_headers)

# Owns the precompiled header that all libraries and programs share (quantring_precompile).
add_library(quantring_precompiled OBJECT ${CMAKE_CURRENT_LIST_DIR}/precompiled.cpp)
target_link_libraries(quantring_precompiled PRIVATE quantring_flags quantring_fmt_headers quantring_json)
target_precompile_headers(quantring_precompiled PRIVATE ${CMAKE_CURRENT_LIST_DIR}/precompiled.h)

# quantring_find_library(<target> <header> <archive> <shared> <package> [suffix...])
function(quantring_find_library target header archive shared package)
  find_path(${target}_INCLUDE ${header} PATH_SUFFIXES ${ARGN})
  find_library(${target}_LIBRARY NAMES ${archive} ${shared} PATH_SUFFIXES ${ARGN})
  if(NOT ${target}_INCLUDE OR NOT ${target}_LIBRARY)
    message(FATAL_ERROR "${header} or ${archive} not found: apt-get install ${package}")
  endif()
  # An imported target, unlike a path, keeps its place behind what needs it on the link line.
  add_library(${target} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${${target}_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${${target}_INCLUDE})
endfunction()

quantring_find_library(quantring_zlib zlib.h libz.a z zlib1g-dev)
quantring_find_library(quantring_jpeg jpeglib.h libjpeg.a jpeg libjpeg-dev)
quantring_find_library(quantring_webp webp/decode.h libwebp.a webp libwebp-dev)
quantring_find_library(quantring_png png.h libpng.a png libpng-dev)
target_link_libraries(quantring_png INTERFACE quantring_zlib m)
quantring_find_library(quantring_crypto openssl/evp.h libcrypto.a crypto libssl-dev)
target_link_libraries(quantring_crypto INTERFACE Threads::Threads ${CMAKE_DL_LIBS})

if(QUANTRING_PROGRAMS)
  quantring_find_header(quantring_cli11 CLI/CLI.hpp libcli11-dev)
endif()
if(QUANTRING_TESTS)
  quantring_find_header(quantring_doctest doctest/doctest.h doctest-dev)
endif()
