#pragma once
// Errors of libjpeg. Its error callback must not return, and an exception must not pass through C
// code, so the callback jumps: a function that calls setjmp(errors.jump) must own no object with a
// destructor. Internal to engine/image.

#include <array>
#include <csetjmp>
#include <cstdio>  // jpeglib.h uses FILE and size_t

#include <jpeglib.h>

namespace quantring {

struct JpegErrors {
  jpeg_error_mgr manager{};  // first: libjpeg hands out a pointer to it
  std::jmp_buf jump{};
  std::array<char, JMSG_LENGTH_MAX> message{};

  JpegErrors() {
    jpeg_std_error(&manager);
    manager.error_exit = &jump_out;
    manager.output_message = [](j_common_ptr) {};  // not to standard error
  }

  // With the text of the last error or warning.
  [[noreturn]] static void jump_out(j_common_ptr jpeg) {
    auto& errors = *reinterpret_cast<JpegErrors*>(jpeg->err);
    errors.manager.format_message(jpeg, errors.message.data());
    std::longjmp(errors.jump, 1);
  }
};

}  // namespace quantring
