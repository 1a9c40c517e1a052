#include "ops/context.h"

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>
#include <string>

#include "ops/cpu/thread_pool.h"
#include "ops/error.h"

namespace quantring {

Context::Context(int threads) {
  if (threads < 1 || threads > ThreadPool::max_threads) {
    throw Error("threads is " + std::to_string(threads) + ", must be 1 to " +
                std::to_string(ThreadPool::max_threads));
  }
  pool_ = std::make_unique<ThreadPool>(threads);
}

Context::~Context() = default;

int Context::threads() const {
  return pool_->threads();
}

// calloc takes large blocks fresh from the kernel: pages that are never touched never become
// resident. It aligns to 16 bytes only, so the block is larger and its true start is kept before
// the aligned one.
Buffer::Buffer(Context&, std::size_t bytes) : bytes_(bytes) {
  constexpr std::size_t alignment = 64;
  if (bytes == 0) return;
  if (bytes > std::numeric_limits<std::size_t>::max() - 2 * alignment) throw std::bad_alloc();
  void* const block = std::calloc(bytes + 2 * alignment, 1);
  if (block == nullptr) throw std::bad_alloc();
  const auto start = reinterpret_cast<std::uintptr_t>(block);
  const std::size_t ahead = 2 * alignment - start % alignment;
  auto* const aligned = static_cast<std::byte*>(block) + ahead;
  reinterpret_cast<void**>(aligned)[-1] = block;
  data_.reset(aligned);
}

void Buffer::Free::operator()(void* memory) const {
  std::free(static_cast<void**>(memory)[-1]);
}

}  // namespace quantring
