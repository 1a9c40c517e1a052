# libquantring, for other programs: the public headers apps/session/quantring.h and quantring_c.h.
#   QuantRing::quantring         libquantring.so
#   QuantRing::quantring_static  libquantring.a
# Both consist of the objects of the libraries below the commands: nothing is compiled again.
set(rooms quantring_fmt quantring_ops quantring_engine quantring_net_core quantring_net quantring_session)
# By name (-ljpeg): the linker takes the shared library where there is one. The archives of Debian's
# zlib, libjpeg and libpng are not position-independent and cannot become a part of libquantring.so.
set(third_parties crypto jpeg png webp z ${CMAKE_DL_LIBS} m Threads::Threads)
if(QUANTRING_CUDA)
  find_package(CUDAToolkit REQUIRED)
  list(APPEND rooms quantring_cuda)
  list(APPEND third_parties CUDA::cudart_static)
endif()
set(objects "")
foreach(room ${rooms})
  list(APPEND objects $<TARGET_OBJECTS:${room}>)
endforeach()

# #include <quantring/quantring.h> in the build folder, as after installation.
set(public_headers ${PROJECT_SOURCE_DIR}/apps/session/quantring.h
  ${PROJECT_SOURCE_DIR}/apps/session/quantring_c.h)
foreach(header quantring.h quantring_c.h)
  configure_file(${PROJECT_SOURCE_DIR}/apps/session/${header} ${PROJECT_BINARY_DIR}/include/quantring/${header} COPYONLY)
endforeach()

add_library(quantring_shared SHARED ${objects})
target_link_libraries(quantring_shared PRIVATE quantring_flags ${third_parties})
set(exports ${PROJECT_SOURCE_DIR}/cmake/quantring.map)
target_link_options(quantring_shared PRIVATE -Wl,--as-needed -Wl,--no-undefined -Wl,--version-script=${exports})
set_target_properties(quantring_shared PROPERTIES LINK_DEPENDS ${exports} EXPORT_NAME quantring
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

add_library(quantring_static STATIC ${objects})
target_link_libraries(quantring_static INTERFACE ${third_parties})

foreach(kind shared static)
  set_target_properties(quantring_${kind} PROPERTIES OUTPUT_NAME quantring LINKER_LANGUAGE CXX)
  target_include_directories(quantring_${kind} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include> $<INSTALL_INTERFACE:include>)
  target_compile_features(quantring_${kind} INTERFACE $<BUILD_INTERFACE:cxx_std_20>)
endforeach()
add_library(QuantRing::quantring ALIAS quantring_shared)
add_library(QuantRing::quantring_static ALIAS quantring_static)
