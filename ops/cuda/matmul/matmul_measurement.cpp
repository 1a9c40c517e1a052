#include "ops/cuda/matmul/matmul_measurement.h"

#include <algorithm>

#include "ops/cuda/device/error.h"
#include "ops/cuda/device/graph.h"
#include "ops/cuda/elementwise/elementwise.h"
#include "ops/cuda/matmul/matmul_check.h"

namespace quantring::cuda {
namespace {

constexpr std::size_t max_copies = 96;
constexpr double min_calls = 20;

std::size_t bytes_of(std::int64_t count, DType dtype) {
  return static_cast<std::size_t>(count) * dtype_bytes(dtype);
}

Event make_timing_event() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreate(&event), "cudaEventCreate");
  return Event(event);
}

template <class T>
DeviceMemory<T> copy(const Queue& queue, const DeviceMemory<T>& source) {
  DeviceMemory<T> target(source.count());
  if (source.count() > 0) {
    check(cudaMemcpyAsync(target.get(), source.get(), source.count() * sizeof(T),
                          cudaMemcpyDeviceToDevice, queue.stream),
          "cudaMemcpyAsync");
  }
  return target;
}

// The parts of a row's sums that the call reads, or may write.
std::int64_t parts_of(const MatmulCall& call) {
  return call.norm ? call.parts : max_sum_parts(call.layer->out);
}

}  // namespace

MatmulMeasurement::MatmulMeasurement(const Queue& queue, const MatmulCall& call)
    : queue_(queue),
      call_(call),
      x_(bytes_of(call.rows * call.layer->in, call.x_dtype)),
      y_(call.accumulate ? bytes_of(call.rows * call.layer->out, call.y_dtype) : 0),
      sums_(call.sums == nullptr ? 0 : static_cast<std::size_t>(call.rows * parts_of(call))),
      wrong_(1),
      neighbour_(256),
      begin_(make_timing_event()),
      end_(make_timing_event()) {
  call_.x = x_.get();
  if (call.accumulate) call_.y = y_.get();
  copy_layer();
  fill_random(queue, x_.get(), call.x_dtype, call.rows * call.layer->in);
  if (call.sums != nullptr) call_.sums = sums_.get();
  if (call.norm && call.sums != nullptr) sum_rows(queue, call_);
  time_neighbour();
}

void MatmulMeasurement::copy_layer() {
  const DeviceLinear& layer = *call_.layer;
  const std::size_t bytes = layer.weights.count();
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  // Together as large as a network of such layers (a ViT of width d and 12 blocks has 144 d^2
  // weights), but no larger than evicts the previous turn from L2.
  const auto width = static_cast<std::size_t>(std::min(layer.in, layer.out));
  const std::size_t network = 144 * width * width * dtype_bytes(layer.dtype);
  const std::size_t needed = std::min(network, 2 * queue_.l2_bytes) / bytes;
  const std::size_t copies = std::min({max_copies, needed, free / 2 / bytes});
  for (std::size_t i = 0; i < copies; ++i) {
    auto made = std::make_unique<DeviceLinear>();
    made->in = layer.in;
    made->out = layer.out;
    made->dtype = layer.dtype;
    made->alpha = layer.alpha;
    made->weights = copy(queue_, layer.weights);
    made->bias = copy(queue_, layer.bias);
    made->bias_16 = copy(queue_, layer.bias_16);
    made->weight_sums = copy(queue_, layer.weight_sums);
    copies_.push_back(std::move(made));
  }
}

bool MatmulMeasurement::correct(const Candidate& candidate) {
  const DeviceLinear& layer = *call_.layer;
  // Also without accumulation: elements that a kernel skips must not be correct from before.
  fill_random(queue_, call_.y, call_.y_dtype, call_.rows * layer.out);
  candidate(call_);
  MatmulCall product = call_;
  if (call_.norm) {
    layer_norm(queue_, call_.x, call_.x_dtype, {call_.gamma, call_.beta}, call_.eps, call_.rows,
               layer.in, call_.normed, layer.dtype);
    product.x = call_.normed;
  }
  check(cudaMemsetAsync(wrong_.get(), 0, sizeof(unsigned), queue_.stream), "cudaMemsetAsync");
  check_product(queue_, product, wrong_.get());
  unsigned wrong = 0;
  check(cudaMemcpyAsync(&wrong, wrong_.get(), sizeof wrong, cudaMemcpyDeviceToHost, queue_.stream),
        "cudaMemcpyAsync");
  check(cudaStreamSynchronize(queue_.stream), "a measured matrix product");
  return wrong == 0;
}

double MatmulMeasurement::timed(const std::function<void()>& body) {
  check(cudaEventRecord(begin_.get(), queue_.stream), "cudaEventRecord");
  body();
  check(cudaEventRecord(end_.get(), queue_.stream), "cudaEventRecord");
  check(cudaEventSynchronize(end_.get()), "a measured matrix product");
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, begin_.get(), end_.get()), "cudaEventElapsedTime");
  return 1000.0 * milliseconds;
}

double MatmulMeasurement::microseconds(const Candidate& candidate) {
  return timed([&] { candidate(call_); });
}

MatmulMeasurement::Recording MatmulMeasurement::record(const Candidate& candidate, double total,
                                                       double each) {
  const double max_calls = std::max(min_calls, static_cast<double>(copies_.size() + 1));
  const int calls = static_cast<int>(std::clamp(total / each, 3.0, max_calls));
  Recording recording{nullptr, calls};
  run_recorded(queue_, recording.graph, [&] {
    MatmulCall call = call_;
    for (int i = 0; i < calls; ++i) {
      const std::size_t turn = static_cast<std::size_t>(i) % (copies_.size() + 1);
      call.layer = turn == 0 ? call_.layer : copies_[turn - 1].get();
      neighbour();
      candidate(call);
    }
  });
  return recording;
}

double MatmulMeasurement::replay(Recording& recording) {
  return timed([&] { run_recorded(queue_, recording.graph, [] {}); }) / recording.calls;
}

double MatmulMeasurement::microseconds(Recording& recording) {
  return std::max(replay(recording) - neighbour_time_, 0.1);
}

void MatmulMeasurement::neighbour() {
  fill_random(queue_, neighbour_.get(), DType::f32, static_cast<std::int64_t>(neighbour_.count()));
}

void MatmulMeasurement::time_neighbour() {
  Recording recording{nullptr, 20};
  run_recorded(queue_, recording.graph, [&] {
    for (int i = 0; i < recording.calls; ++i) neighbour();
  });
  neighbour_time_ = replay(recording);
  for (int i = 0; i < 4; ++i) neighbour_time_ = std::min(neighbour_time_, replay(recording));
}

}  // namespace quantring::cuda
