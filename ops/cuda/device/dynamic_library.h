#pragma once
// Libraries that are opened when needed, so that the program starts without them.

#include <string>
#include <vector>

namespace quantring::cuda {

struct LibraryFiles {
  std::vector<std::string> names;  // tried in this order; at least one: "libcublasLt.so.13"
  std::string remedy;              // "install CUDA's cuBLAS library"
};

// The first of the names that the system's loader finds, or that is in CUDA's usual folder. Stays
// open until the program ends: these libraries have threads and exit handlers of their own. Null,
// and the reason in one line, if there is none or it cannot be loaded.
void* open_library(const LibraryFiles& files, std::string& reason);

// Sets `function` to the library's function of that name; false, and the reason, if it has none.
template <class Function>
bool find_function(void* library, const char* name, Function*& function, std::string& reason);

namespace detail {
void* find_symbol(void* library, const char* name, std::string& reason);
}

template <class Function>
bool find_function(void* library, const char* name, Function*& function, std::string& reason) {
  function = reinterpret_cast<Function*>(detail::find_symbol(library, name, reason));
  return function != nullptr;
}

}  // namespace quantring::cuda
