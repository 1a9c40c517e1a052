#include "ops/cpu/thread_pool.h"

#include <algorithm>
#include <limits>

namespace quantring {
namespace {

// How often a thread polls before it sleeps: ops follow each other within microseconds, and waking
// a thread costs more than that. Polling longer would take the core from other programs.
constexpr int polls = 50;

template <class Ready>
void poll(const Ready& ready) {
  for (int i = 0; i < polls && !ready(); ++i) std::this_thread::yield();
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  for (int worker = 1; worker < threads; ++worker) {
    workers_.emplace_back([this, worker] { serve(worker); });
  }
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  generation_.fetch_add(1);
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(std::int64_t blocks, Job job) {
  if (workers_.empty() || blocks == 1) {
    for (std::int64_t block = 0; block < blocks; ++block) job.call(job.self, block, 0);
    return;
  }
  constexpr std::int64_t max_piece = std::numeric_limits<std::uint32_t>::max();
  for (std::int64_t first = 0; first < blocks; first += max_piece) {
    run_piece(first, static_cast<std::uint32_t>(std::min(max_piece, blocks - first)), job);
  }
}

void ThreadPool::run_piece(std::int64_t first, std::uint32_t blocks, Job job) {
  job_ = job;
  first_block_ = first;
  unfinished_.store(blocks, std::memory_order_relaxed);
  const std::uint32_t generation = generation_.load(std::memory_order_relaxed) + 1;
  open_.store(std::uint64_t{generation} << 32 | blocks, std::memory_order_release);
  generation_.store(generation, std::memory_order_release);
  generation_.notify_all();
  take_blocks(generation, 0);
  poll([this] { return unfinished_.load(std::memory_order_acquire) == 0; });
  for (std::uint32_t left; (left = unfinished_.load(std::memory_order_acquire)) != 0;) {
    unfinished_.wait(left, std::memory_order_acquire);
  }
}

void ThreadPool::serve(int worker) {
  std::uint32_t seen = 0;
  while (!stop_.load()) {
    poll([&] { return generation_.load(std::memory_order_acquire) != seen; });
    generation_.wait(seen, std::memory_order_acquire);
    seen = generation_.load(std::memory_order_acquire);
    take_blocks(seen, worker);
  }
}

void ThreadPool::take_blocks(std::uint32_t generation, int worker) {
  std::uint64_t open = open_.load(std::memory_order_acquire);
  for (;;) {
    const auto left = static_cast<std::uint32_t>(open);
    if (open >> 32 != generation || left == 0) return;
    if (!open_.compare_exchange_weak(open, open - 1, std::memory_order_acq_rel)) continue;
    // The caller waits for this block, so the job stays valid until the block is counted as done.
    // The last block is taken first: the order does not matter.
    job_.call(job_.self, first_block_ + left - 1, worker);
    if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished_.notify_one();
    open = open_.load(std::memory_order_acquire);
  }
}

}  // namespace quantring
