#pragma once
// The worker threads of a CPU context. Work is divided into blocks independently of the number of
// threads; any thread may run a block, so blocks must not depend on each other.

#include <atomic>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

namespace quantring {

class ThreadPool {
 public:
  static constexpr int max_threads = 1024;

  // threads: the caller included, so threads - 1 are started (none for 1).
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls work(block, worker) once for every block in [0, blocks), 0 <= worker < threads(); returns
  // when all are done. No two blocks run at once under the same worker number, so it can index
  // scratch memory. work must not throw and must not call parallel_for; one thread at a time may
  // use a pool.
  template <class Work>
  void parallel_for(std::int64_t blocks, const Work& work) {
    run(blocks, {[](const void* self, std::int64_t block, int worker) noexcept {
                   (*static_cast<const Work*>(self))(block, worker);
                 },
                 &work});
  }

 private:
  struct Job {
    void (*call)(const void* self, std::int64_t block, int worker) noexcept = nullptr;
    const void* self = nullptr;
  };

  void run(std::int64_t blocks, Job job);
  void run_piece(std::int64_t first, std::uint32_t blocks, Job job);
  void serve(int worker);
  void take_blocks(std::uint32_t generation, int worker);

  // The current job. Written by the caller while open_ has no blocks, read after taking one.
  Job job_;
  std::int64_t first_block_ = 0;
  // High half: number of the job; low half: blocks not yet taken. One word, so that a thread that
  // wakes up late cannot take a block of a later job.
  std::atomic<std::uint64_t> open_{0};
  std::atomic<std::uint32_t> generation_{0};  // what sleeping workers wait on
  std::atomic<std::uint32_t> unfinished_{0};  // blocks not yet done
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

}  // namespace quantring
