// `quantring-weights convert`

#include "weights_tools/convert/convert.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>

#include "ops/base/error.h"
#include "ops/base/number_check.h"
#include "weights_tools/base/text_table.h"
#include "weights_tools/commands/commands.h"

namespace quantring::weights {
namespace {

constexpr double redraw_seconds = 0.1;

// "224", or "224x192": height and width.
ImageSize parse_image_size(const std::string& text) {
  const auto side = [&](std::string_view digits) {
    int value = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (error != std::errc{} || stop != end || value < 1) {
      throw OptionError(
          fmt::format("--image-size {}: write pixels, as 224 or 224x192 (height x width)", text));
    }
    return value;
  };
  const std::string_view view(text);
  const auto cross = view.find('x');
  if (cross == std::string_view::npos) return {side(view), side(view)};
  return {side(view.substr(0, cross)), side(view.substr(cross + 1))};
}

// A progress line on stderr, if that is a terminal.
class ProgressLine {
 public:
  void show(std::uint64_t done, std::uint64_t total) {
    if (!terminal_ || total == 0) return;
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - start_).count();
    if (std::chrono::duration<double>(now - drawn_).count() < redraw_seconds) return;
    drawn_ = now;
    shown_ = true;
    fmt::print(stderr, "\r{:3}%  {:.0f} MB/s   ", 100 * done / total,
               static_cast<double>(done) / 1e6 / seconds);
  }
  ~ProgressLine() {
    if (shown_) std::fputs("\r                         \r", stderr);
  }

 private:
  using Clock = std::chrono::steady_clock;
  const bool terminal_ = ::isatty(STDERR_FILENO) != 0;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_ = start_;
  bool shown_ = false;
};

std::string findings_table(const std::vector<Finding>& findings) {
  std::vector<std::vector<std::string>> rows = {{"what", "value", "source"}};
  for (const Finding& finding : findings) {
    rows.push_back({finding.what, finding.value, finding.source});
  }
  return text_table(rows, {Align::left});
}

void run_convert(const ConvertOptions& options) {
  ConvertReport report;
  {
    ProgressLine progress;
    report = convert(options,
                     [&](std::uint64_t done, std::uint64_t total) { progress.show(done, total); });
  }
  const std::string output = options.output.string();
  fmt::print(
      "{}\nwrote {} ({:.2f} MB of tensors, hash {})\ntry: quantring classify PHOTO -m {}\n"
      "for rings on slow links: quantring calibrate PHOTOS -m {}\n",
      findings_table(report.findings), output, static_cast<double>(report.bytes) / 1e6,
      report.hash.substr(0, 16), output, output);
}

void add_hints(CLI::App& command, ConvertHints& hints, std::string& image_size) {
  command.add_option("--heads", hints.heads, "Attention heads")->check(positive);
  command.add_option("--image-size", image_size,
                     "Pixels, 384 or 384x256 (height x width); position embeddings are resampled "
                     "if the checkpoint has another size");
  command.add_option("--activation", hints.activation, "gelu (exact), gelu_tanh or gelu_quick")
      ->check(CLI::IsMember({"gelu", "gelu_tanh", "gelu_quick"}));
  command.add_option("--norm-eps", hints.norm_eps, "Epsilon of the layernorms")->check(positive);
  command.add_option("--pooling", hints.pooling, "Input of the head: class_token or average")
      ->check(CLI::IsMember({"class_token", "average"}));
  command.add_flag("--multi-label", hints.multi_label,
                   "Several classes may apply to a picture, or none: sigmoid instead of softmax");
  command.add_option("--resize", hints.resize,
                     "Shorter side in pixels before the centre crop, or squash, or none");
  command.add_option("--interpolation", hints.interpolation, "bicubic or bilinear")
      ->check(CLI::IsMember({"bicubic", "bilinear"}));
  command
      .add_option("--mean", hints.mean,
                  "Mean of pixels in 0..1, one per channel: 0.485,0.456,0.406")
      ->delimiter(',');
  command.add_option("--std", hints.std, "Standard deviation of pixels in 0..1, one per channel")
      ->delimiter(',');
}

}  // namespace

void add_convert(CLI::App& app) {
  auto* command = app.add_subcommand("convert", "Convert a checkpoint to a model file");
  auto options = std::make_shared<ConvertOptions>();
  auto dtype = std::make_shared<std::string>("f32");
  auto image_size = std::make_shared<std::string>();
  command
      ->add_option("checkpoint", options->input,
                   "File or folder from timm, Hugging Face, torchvision or Google: .safetensors, "
                   "NAME.index.json, .pth, .pt, .bin, .npz")
      ->required();
  command->add_option("-o,--output", options->output, "Model file to write")->required();
  command->add_option("--dtype", *dtype, "Storage of the matrices: f32 or f16")
      ->check(CLI::IsMember({"f32", "f16"}))
      ->capture_default_str();
  command->add_option("--labels", options->labels,
                      "File of class names, one per line or JSON; imagenet: those of ImageNet");
  auto* like = command->add_option(
      "--like", options->like,
      "A published model whose preprocessing and heads this file has: a name of timm, torchvision "
      "or Hugging Face, such as deit_tiny_patch16_224.fb_in1k");
  command
      ->add_option("--config", options->config,
                   "config.json (default: the one beside the checkpoint)")
      ->excludes(like);
  command->add_option(
      "--head", options->head,
      "File of the classifier, if it is not in the checkpoint (one linear layer: DINOv2's linear "
      "head, a linear probe)");
  command->add_option("--part", options->part,
                      "Dictionary in a PyTorch file that has several: model_ema");
  add_hints(*command, options->hints, *image_size);
  command->footer(
      "Facts without a flag are read from the checkpoint, its shapes and the config beside it; an\n"
      "error lists those that are missing. The table printed at the end has the source of each.\n"
      "Examples:\n"
      "  quantring-weights convert vit-base-patch16-224/ -o vit_base.safetensors   # Hugging Face\n"
      "  quantring-weights convert vit_b_16-c867db91.pth --like vit_b_16 -o vit_b_16.safetensors\n"
      "  quantring-weights convert last.ckpt -o mine.safetensors --labels classes.txt \\\n"
      "      --heads 3 --resize 256 --interpolation bicubic --mean 0.5 --std 0.5\n"
      "  quantring-weights convert deit.safetensors -o deit_f16.safetensors --dtype f16");
  command->callback([=] {
    options->storage = *dtype == "f16" ? StorageType::f16 : StorageType::f32;
    if (!image_size->empty()) options->hints.image_size = parse_image_size(*image_size);
    run_convert(*options);
  });
}

}  // namespace quantring::weights
