#pragma once
// All pictures of a source in memory, as the model takes them.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "apps/commands/progress.h"
#include "engine/camera/file_frames.h"
#include "engine/evaluation/evaluation.h"
#include "engine/model/model_file.h"

namespace quantring::apps {

struct PictureSet {
  std::vector<std::byte> pixels;  // u8 [size(), channels, height, width]
  std::vector<int> labels;        // -1: unknown

  std::size_t size() const { return labels.size(); }
  std::size_t each() const { return labels.empty() ? 0 : pixels.size() / labels.size(); }
  std::span<const std::byte> part(std::size_t first, std::size_t count) const {
    return std::span(pixels).subspan(first * each(), count * each());
  }
  void add(const PictureSet& from, std::size_t index);
};

// limit: at most so many, spread evenly over the source where its length is known; 0: all. Each
// unreadable picture gets a line on stderr and is counted.
PictureSet read_pictures(FileFrames& source, const ModelFile& model, std::size_t limit,
                         Progress& progress, std::uint64_t& unreadable);

// Adds all of them to an evaluation. progress: after each pass, with the pictures done before.
void evaluate_set(Evaluation& evaluation, const PictureSet& pictures, int batch,
                  const std::function<void(std::size_t done, std::size_t passes)>& progress);

}  // namespace quantring::apps
