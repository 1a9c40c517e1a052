#pragma once
// What every function of the C API does with its arguments: pointers that may be NULL, structs of
// an older header, exceptions as a text.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <string>

#include "ops/base/error.h"

namespace quantring::c_api {

inline void write_text(const char* text, char* out, std::size_t size) {
  if (out == nullptr || size == 0) return;
  const std::size_t length = std::min(std::strlen(text), size - 1);
  std::memcpy(out, text, length);
  out[length] = '\0';
}

// Runs an action and turns what it throws into `failure` and a text.
template <typename Result, typename Action>
Result guarded(char* error, std::size_t error_size, Result failure, Action&& action) noexcept {
  try {
    return action();
  } catch (const std::exception& caught) {
    write_text(caught.what(), error, error_size);
  } catch (...) {
    write_text("unknown error", error, error_size);
  }
  return failure;
}

template <typename T>
T& required(T* pointer, const char* name) {
  if (pointer == nullptr) throw Error(std::string(name) + " is NULL");
  return *pointer;
}

inline std::string text_or(const char* text, const char* fallback) {
  return text == nullptr ? fallback : text;
}

// A caller's struct may be of an older version of the header and so shorter.
template <typename T>
std::size_t size_of(const T* given, const char* name) {
  const std::size_t size = required(given, name).size;
  if (size < sizeof(std::size_t) || size > sizeof(T)) {
    throw Error(std::string(name) + ": its size is not one that this library knows");
  }
  return size;
}

template <typename T>
T read_struct(const T* given, const char* name) {
  const std::size_t size = size_of(given, name);
  T copy{};
  std::memcpy(&copy, given, size);
  return copy;
}

template <typename T>
void write_struct(const T& value, T* given, const char* name) {
  const std::size_t size = size_of(given, name);
  T copy = value;
  copy.size = size;
  std::memcpy(given, &copy, size);
}

}  // namespace quantring::c_api
