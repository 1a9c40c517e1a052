# cmake --install: the programs, their man pages, the shells' completion and the demo's model (component
# "programs"); the library with its headers, CMake package and
# pkg-config file (component "library").
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS quantring quantring-weights RUNTIME COMPONENT programs)
install(FILES packaging/man/quantring.1 packaging/man/quantring-weights.1
  DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT programs)
foreach(program quantring quantring-weights)
  install(FILES packaging/completion/quantring.bash RENAME ${program}
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT programs)
endforeach()
install(FILES packaging/completion/_quantring
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions COMPONENT programs)
install(FILES models/fashion_mnist_vit.safetensors models/fashion_mnist_vit.codec.safetensors
  DESTINATION ${CMAKE_INSTALL_DATADIR}/quantring COMPONENT programs)
install(FILES packaging/monitoring/grafana-dashboard.json packaging/monitoring/prometheus-alerts.yml
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/quantring/monitoring COMPONENT programs)

install(TARGETS quantring_shared quantring_static EXPORT QuantRingTargets
  LIBRARY COMPONENT library ARCHIVE COMPONENT library)
install(FILES ${public_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/quantring COMPONENT library)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/QuantRing)
install(EXPORT QuantRingTargets NAMESPACE QuantRing:: DESTINATION ${package_folder} COMPONENT library)
configure_package_config_file(cmake/QuantRingConfig.cmake.in ${PROJECT_BINARY_DIR}/QuantRingConfig.cmake
  INSTALL_DESTINATION ${package_folder})
# Before 1.0 a minor version may change the API.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/QuantRingConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/QuantRingConfig.cmake ${PROJECT_BINARY_DIR}/QuantRingConfigVersion.cmake
  DESTINATION ${package_folder} COMPONENT library)

# Paths relative to the file itself: the installed tree may be moved.
file(RELATIVE_PATH pc_prefix /x/${CMAKE_INSTALL_LIBDIR}/pkgconfig /x)
set(pc_private "-lcrypto -ljpeg -lpng -lwebp -lz -lstdc++ -ldl -lm -pthread")
if(QUANTRING_CUDA)
  string(PREPEND pc_private "-L${CUDAToolkit_LIBRARY_DIR} -lcudart_static -lrt ")
endif()
configure_file(cmake/quantring.pc.in ${PROJECT_BINARY_DIR}/quantring.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/quantring.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT library)
