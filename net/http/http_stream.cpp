#include "net/http/http_stream.h"

#include <utility>

namespace quantring::net {

void HttpStream::publish(std::size_t slot, std::string bytes) {
  auto shared = std::make_shared<const std::string>(std::move(bytes));
  const std::lock_guard lock(mutex_);
  slots_.at(slot) = {std::move(shared), ++published_};
  for (const auto& [id, wake] : readers_) wake();
}

void HttpStream::forget(std::size_t slot) {
  const std::lock_guard lock(mutex_);
  slots_.at(slot) = {};
}

std::size_t HttpStream::readers() const {
  const std::lock_guard lock(mutex_);
  return readers_.size();
}

HttpStream::Reader::Reader(std::shared_ptr<HttpStream> stream, std::function<void()> wake)
    : stream_(std::move(stream)) {
  const std::lock_guard lock(stream_->mutex_);
  seen_.resize(stream_->slots_.size());
  id_ = ++stream_->readers_made_;
  stream_->readers_.emplace(id_, std::move(wake));
}

HttpStream::Reader::~Reader() {
  const std::lock_guard lock(stream_->mutex_);
  stream_->readers_.erase(id_);
}

HttpStream::Bytes HttpStream::Reader::take() {
  const std::lock_guard lock(stream_->mutex_);
  const auto& slots = stream_->slots_;
  std::size_t best = slots.size();
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const bool fresh = slots[i].number > seen_[i];
    if (fresh && (best == slots.size() || slots[i].number < slots[best].number)) best = i;
  }
  if (best == slots.size()) return nullptr;
  seen_[best] = slots[best].number;
  return slots[best].bytes;
}

}  // namespace quantring::net
