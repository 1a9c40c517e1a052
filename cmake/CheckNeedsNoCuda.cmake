# A program that is built with CUDA must start where CUDA is not installed: its libraries are opened
# when they are needed. Run as a test: cmake -DPROGRAM=... -P CheckNeedsNoCuda.cmake
execute_process(COMMAND readelf -d ${PROGRAM} OUTPUT_VARIABLE dynamic RESULT_VARIABLE failed)
if(failed OR NOT dynamic MATCHES "NEEDED")
  message(FATAL_ERROR "readelf tells no libraries of ${PROGRAM}: the check looks at nothing")
endif()
string(REGEX MATCHALL "NEEDED[^\n]*" needed "${dynamic}")
foreach(library ${needed})
  if(library MATCHES "lib(cu|nv)")
    message(SEND_ERROR "${PROGRAM} does not start without CUDA: ${library}")
  endif()
endforeach()
