#pragma once
// Under a sanitizer, where code is many times slower, a test that tries every order of events or
// many random ones tries fewer.

namespace quantring {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

}  // namespace quantring
