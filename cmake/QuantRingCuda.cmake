# nvcc, and what every CUDA file is compiled with. CUDA 12.6 (JetPack 6.1) or newer.
set(remedy "Install the CUDA toolkit 12.6 or newer, or let `packaging/setup.sh cuda` fetch its \
compiler; name another one with -DCMAKE_CUDA_COMPILER=/path/to/nvcc or CUDACXX; or build without: \
-DQUANTRING_CUDA=OFF.")

if(QUANTRING_STATIC)
  message(FATAL_ERROR "QUANTRING_STATIC and QUANTRING_CUDA: a fully static program cannot open the "
    "driver. Build one or the other.")
endif()

# Where packaging/setup.sh puts the compiler, if it found none that will do.
if(DEFINED ENV{XDG_CACHE_HOME})
  set(fetched_toolkit $ENV{XDG_CACHE_HOME}/quantring/cuda)
else()
  set(fetched_toolkit $ENV{HOME}/.cache/quantring/cuda)
endif()
# -DCMAKE_CUDA_COMPILER and CUDACXX come first, as CMake itself has it.
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(QUANTRING_NVCC nvcc
    HINTS $ENV{CUDA_HOME}/bin ${fetched_toolkit}/bin PATHS /usr/local/cuda/bin)
  if(NOT QUANTRING_NVCC)
    message(FATAL_ERROR "QUANTRING_CUDA is ON and there is no nvcc. ${remedy}")
  endif()
  set(CMAKE_CUDA_COMPILER ${QUANTRING_NVCC})
endif()

# 90a: Hopper with its own instructions; 87: Jetson Orin. Machine code only, no PTX.
if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 87-real 90a-real)
endif()
# The programs run where CUDA is not installed.
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
enable_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER_ID STREQUAL NVIDIA OR CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.6)
  message(FATAL_ERROR "${CMAKE_CUDA_COMPILER} is ${CMAKE_CUDA_COMPILER_ID} "
    "${CMAKE_CUDA_COMPILER_VERSION}, and nvcc 12.6 is the oldest that will do. ${remedy}")
endif()
# CMake before 3.26 does not know that nvcc can do C++20.
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)

add_library(quantring_cuda_flags INTERFACE)
target_compile_options(quantring_cuda_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wshadow>)
if(QUANTRING_WERROR)
  target_compile_options(quantring_cuda_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
endif()
# The CUDA runtime's headers for host files: nvcc's own folder.
target_include_directories(quantring_cuda_flags SYSTEM INTERFACE
  ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
