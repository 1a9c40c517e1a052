# nvcc, and what every CUDA file is compiled with. CUDA 12.6 (JetPack 6) or newer.
if(NOT CMAKE_CUDA_COMPILER)
  find_program(CMAKE_CUDA_COMPILER nvcc HINTS $ENV{CUDA_HOME}/bin /usr/local/cuda/bin)
endif()
# 90a: Hopper with its own instructions; 87: Jetson Orin. Machine code only, no PTX.
if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 90a-real)
endif()
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
enable_language(CUDA)

add_library(quantring_cuda_flags INTERFACE)
# By hand: CMake 3.22 does not know that nvcc can do C++20.
target_compile_options(quantring_cuda_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20 -Xcompiler=-Wall,-Wextra,-Wshadow>)
if(QUANTRING_WERROR)
  target_compile_options(quantring_cuda_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
endif()
# The CUDA runtime's headers for host files: nvcc's own folder.
target_include_directories(quantring_cuda_flags SYSTEM INTERFACE
  ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
