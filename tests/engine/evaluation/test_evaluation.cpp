// An evaluation against the same stages and codecs one after the other, as a ring runs them.
#include "engine/evaluation/evaluation.h"

#include <doctest/doctest.h>

#include <numeric>
#include <stdexcept>

#include "engine/model/random_model.h"
#include "engine/stage/stage_runner.h"
#include "ops/base/error.h"
#include "ops/device.h"
#include "tests/engine/model/architectures.h"
#include "tests/support/simple_codec_file.h"
#include "tests/support/temp_folder.h"

namespace quantring {
namespace {

constexpr int pictures = 7;

Architecture small_architecture() {
  Architecture a = test::plain_architecture();  // 3 blocks, 7 classes
  a.registers = 1;
  return a;
}

struct Made {
  Made() { write_random_model(folder / "model.safetensors", architecture, StorageType::f32, 3); }
  TempFolder folder;
  Architecture architecture = small_architecture();
};

// Pictures that differ enough for answers to differ: light and dark, with noise of their own.
std::vector<std::byte> pixels(const Architecture& a) {
  const auto each = static_cast<std::size_t>(a.channels * a.image_height * a.image_width);
  std::vector<std::byte> bytes(each * pictures);
  std::uint32_t state = 5;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    bytes[i] = static_cast<std::byte>((state >> 25) + 20 * (i / each));
  }
  return bytes;
}

const std::vector<int> labels = {0, 1, 2, 3, -1, 5, 6};

CodecSpec spec(CodecId id, int bits) {
  return {id, static_cast<std::uint8_t>(bits)};
}

const std::vector<CodecSpec> codecs = {spec(CodecId::raw32, 32), spec(CodecId::raw16, 16),
                                       spec(CodecId::ptq, 2), spec(CodecId::ptq, 5),
                                       spec(CodecId::ds_aciq, 2)};

// What a ring makes of the pictures, one at a time, by StageRunners and codec.h on the host.
struct Ring {
  std::vector<float> logits;  // [pictures, classes]
  double relative_error = 0;  // summed over pictures and links
};

Ring run_ring(const ModelFile& model, const std::vector<int>& cuts,
              const std::vector<CodecSpec>& links) {
  const Architecture& a = model.architecture();
  Context context(1);
  std::vector<std::unique_ptr<StageRunner>> stages;
  int begin = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const int end = i < cuts.size() ? cuts[i] : a.half_blocks();
    stages.push_back(std::make_unique<StageRunner>(context, model, StageRange{begin, end}, 1,
                                                   [](std::uint32_t) { return CodecSpec{}; }));
    begin = end;
  }
  const std::vector<std::byte> all = pixels(a);
  const std::size_t each = all.size() / pictures;
  Ring ring;
  for (std::size_t picture = 0; picture < pictures; ++picture) {
    std::vector<std::byte> tensor = coded_pixels(std::span(all).subspan(picture * each, each));
    for (std::size_t stage = 0; stage < stages.size(); ++stage) {
      std::vector<std::byte> out;
      stages[stage]->submit(tensor, 1);
      const TensorShape shape = stages[stage]->collect(out);
      std::vector<float> values(shape.elements());
      decode(out, shape, values);
      if (stage + 1 == stages.size()) {
        ring.logits.insert(ring.logits.end(), values.begin(), values.end());
        break;
      }
      encode(values, shape, links[stage], tensor);
      std::vector<float> received(values.size());
      decode(tensor, shape, received);
      ring.relative_error += relative_squared_error(values, received);
    }
  }
  return ring;
}

EvaluationScore score_of(const Ring& ring, const Ring& plain) {
  EvaluationScore score;
  const std::size_t classes = plain.logits.size() / pictures;
  for (std::size_t i = 0; i < pictures; ++i) {
    score.add(std::span(plain.logits).subspan(i * classes, classes),
              std::span(ring.logits).subspan(i * classes, classes), labels[i]);
  }
  return score;
}

void check_same(const EvaluationScore& actual, const EvaluationScore& expected) {
  CHECK(actual.images == expected.images);
  CHECK(actual.agreeing == expected.agreeing);
  CHECK(actual.labelled == expected.labelled);
  CHECK(actual.top1 == expected.top1);
  CHECK(actual.top5 == expected.top5);
  // The same sums over the same logits, to the last bit.
  CHECK(actual.kl == expected.kl);
}

// All pictures, in batches of these sizes.
void add_all(Evaluation& evaluation, const Architecture& a, const std::vector<int>& batches) {
  const std::vector<std::byte> all = pixels(a);
  const std::size_t each = all.size() / pictures;
  std::size_t done = 0;
  for (const int batch : batches) {
    const auto images = static_cast<std::size_t>(batch);
    evaluation.add(std::span(all).subspan(done * each, images * each),
                   std::span(labels).subspan(done, images));
    done += images;
  }
  REQUIRE(done == pictures);
}

TEST_CASE("one cut at a time: what two stages and a coded link give") {
  const Made made;
  const ModelFile model(made.folder / "model.safetensors");
  Context context(2);
  const std::vector<int> cuts = half_cuts(made.architecture);
  REQUIRE(cuts.size() == 5);
  Evaluation evaluation(context, model, {cuts, codecs, false, 3});
  add_all(evaluation, made.architecture, {3, 3, 1});

  const Ring plain = run_ring(model, {}, {});
  check_same(evaluation.baseline().mean(), score_of(plain, plain));
  CHECK(evaluation.baseline().mean().agreement_percent() == 100);
  CHECK(evaluation.baseline().mean().mean_kl() == 0);
  CHECK(evaluation.baseline().mean().mean_relative_error() == 0);
  REQUIRE(evaluation.points().size() == codecs.size());
  bool changed = false;  // an answer, by some codec at some cut
  for (std::size_t i = 0; i < codecs.size(); ++i) {
    const EvaluationPoint& point = evaluation.points()[i];
    CAPTURE(codec_text(codecs[i]));
    CHECK(point.codec == codecs[i]);
    REQUIRE(point.scores.size() == cuts.size());
    for (std::size_t cut = 0; cut < cuts.size(); ++cut) {
      CAPTURE(cut);
      const Ring ring = run_ring(model, {cuts[cut]}, {codecs[i]});
      check_same(point.scores[cut], score_of(ring, plain));
      CHECK(point.scores[cut].tensors == pictures);
      CHECK(point.scores[cut].relative_error == ring.relative_error);
      if (codecs[i].id == CodecId::raw32) CHECK(point.scores[cut].kl == 0);
      changed |= point.scores[cut].agreeing < pictures;
    }
  }
  CHECK(changed);
}

TEST_CASE("all cuts at once: what a ring gives") {
  const Made made;
  const ModelFile model(made.folder / "model.safetensors");
  Context context(1);
  const std::vector<int> cuts = {1, 2, 4};
  Evaluation evaluation(context, model, {cuts, codecs, true, 4});
  add_all(evaluation, made.architecture, {4, 3});
  const Ring plain = run_ring(model, {}, {});
  for (std::size_t i = 0; i < codecs.size(); ++i) {
    const EvaluationPoint& point = evaluation.points()[i];
    CAPTURE(codec_text(codecs[i]));
    REQUIRE(point.scores.size() == 1);
    const Ring ring = run_ring(model, cuts, {codecs[i], codecs[i], codecs[i]});
    check_same(point.scores[0], score_of(ring, plain));
    CHECK(point.scores[0].tensors == 3 * pictures);
    CHECK(point.scores[0].mean_relative_error() ==
          doctest::Approx(ring.relative_error / (3 * pictures)));
  }
}

TEST_CASE("klt behind klt takes the chained operating point, as stages of a ring do") {
  const Made made;
  const ModelFile model(made.folder / "model.safetensors");
  const std::vector<int> cuts = {1, 2, 4};
  std::map<int, KltTables> all;
  for (const int cut : cuts) {
    KltTables& tables = all[cut] = test::simple_klt_tables(test::klt_shape(made.architecture));
    KltRate chained = *tables.rate(2);
    chained.width += klt_chained;
    chained.step /= 8;
    chained.prefix_step /= 8;
    tables.rates.push_back(chained);
    tables.prepare();
  }
  const CodecSpec chosen = spec(CodecId::klt, 2);
  Context context(1);
  Evaluation evaluation(context, model, {cuts, {chosen}, true, 7, &all});
  add_all(evaluation, made.architecture, {7});

  std::vector<std::unique_ptr<StageRunner>> stages;
  std::vector<int> bounds = {0, 1, 2, 4, made.architecture.half_blocks()};
  for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
    const auto tables = [&](std::size_t bound) {
      return all.contains(bounds[bound]) ? &all.at(bounds[bound]) : nullptr;
    };
    stages.push_back(std::make_unique<StageRunner>(
        context, model, StageRange{bounds[i], bounds[i + 1]}, pictures,
        [&](std::uint32_t) { return chosen; }, CoderTables{tables(i + 1), tables(i)}));
  }
  std::vector<std::byte> tensor = coded_pixels(pixels(made.architecture)), out;
  std::vector<int> widths;
  TensorShape shape;
  for (const auto& stage : stages) {
    stage->submit(tensor, pictures);
    shape = stage->collect(out);
    widths.push_back(read_coded_header(out).bits);
    tensor = out;
  }
  CHECK(widths == std::vector<int>{2, 2 + klt_chained, 2 + klt_chained, 32});
  Ring ring;
  ring.logits.resize(shape.elements());
  decode(tensor, shape, ring.logits);
  check_same(evaluation.points()[0].scores[0], score_of(ring, run_ring(model, {}, {})));
}

TEST_CASE("batches and threads change nothing") {
  const Made made;
  const ModelFile model(made.folder / "model.safetensors");
  const std::vector<int> cuts = {2, 3};
  const auto evaluate = [&](int threads, const std::vector<int>& batches) {
    Context context(threads);
    Evaluation evaluation(context, model, {cuts, codecs, false, 7});
    add_all(evaluation, made.architecture, batches);
    return evaluation.points();
  };
  const auto expected = evaluate(1, {1, 1, 1, 1, 1, 1, 1});
  for (const auto& actual : {evaluate(1, {7}), evaluate(3, {2, 5})}) {
    for (std::size_t i = 0; i < codecs.size(); ++i) {
      for (std::size_t cut = 0; cut < cuts.size(); ++cut) {
        check_same(actual[i].scores[cut], expected[i].scores[cut]);
        CHECK(actual[i].scores[cut].relative_error == expected[i].scores[cut].relative_error);
      }
    }
  }
}

TEST_CASE("a point's mean and bytes") {
  const Made made;
  const ModelFile model(made.folder / "model.safetensors");
  Context context(1);
  Evaluation evaluation(context, model, {{2, 4}, codecs, false, 7});
  add_all(evaluation, made.architecture, {7});
  const EvaluationPoint& point = evaluation.points()[2];  // ptq 2
  CHECK(point.mean().images == 2 * pictures);
  CHECK(point.mean().kl == point.scores[0].kl + point.scores[1].kl);
  CHECK(point.mean().agreement_percent() ==
        (point.scores[0].agreement_percent() + point.scores[1].agreement_percent()) / 2);
  const auto elements = static_cast<std::size_t>(made.architecture.tokens() * 24);
  CHECK(evaluation.baseline().bytes_per_image == 4 + 4 * elements);
  CHECK(evaluation.points()[1].bytes_per_image == 4 + 2 * elements);
  CHECK(point.bytes_per_image == 4 + 8 + elements / 4);  // header, range, 2 bits a value
}

TEST_CASE("progress is reported for every pass") {
  const Made made;
  const ModelFile model(made.folder / "model.safetensors");
  Context context(1);
  for (const bool together : {false, true}) {
    Evaluation evaluation(context, model, {{2, 4}, codecs, together, 7});
    CHECK(evaluation.passes() == (together ? 6 : 11));
    std::vector<std::size_t> reported;
    evaluation.add(pixels(made.architecture), labels,
                   [&](std::size_t n) { reported.push_back(n); });
    std::vector<std::size_t> expected(evaluation.passes());
    std::iota(expected.begin(), expected.end(), 1);
    CHECK(reported == expected);
  }
}

TEST_CASE("cuts of a model") {
  const Architecture a = small_architecture();
  CHECK(block_cuts(a) == std::vector<int>{2, 4});
  CHECK(half_cuts(a) == std::vector<int>{1, 2, 3, 4, 5});
  CHECK(ring_cuts(a, 3) == std::vector<int>{2, 4});
  CHECK(ring_cuts(a, 2) == std::vector<int>{2});
  CHECK_THROWS_AS(ring_cuts(a, 7), Error);
  CHECK(parse_cuts(a, "2") == std::vector<int>{4});
  CHECK(parse_cuts(a, "2.5,1,0.5") == std::vector<int>{1, 2, 5});
  CHECK(cut_text(4) == "2");
  CHECK(cut_text(5) == "2.5");
  for (const char* wrong :
       {"", "0", "3", "2.7", "-1", "1,", ",1", "1,,2", "1 2", "one", "99999999999", "0.5,3"}) {
    CAPTURE(wrong);
    CHECK_THROWS_WITH_AS(parse_cuts(a, wrong),
                         doctest::Contains("is not a cut of this model: use blocks, halves"),
                         Error);
  }
  CHECK_THROWS_WITH_AS(parse_cuts(a, "1,2,1"), "cut 1 is named twice", Error);
}

TEST_CASE("plans and batches that cannot be are refused") {
  const Made made;
  const ModelFile model(made.folder / "model.safetensors");
  Context context(1);
  const auto refused = [&](std::vector<int> cuts, std::vector<CodecSpec> wanted, int images) {
    CHECK_THROWS_AS(Evaluation(context, model, {std::move(cuts), std::move(wanted), false, images}),
                    std::invalid_argument);
  };
  refused({}, codecs, 1);
  refused({0}, codecs, 1);
  refused({6}, codecs, 1);
  refused({4, 2}, codecs, 1);
  refused({2, 2}, codecs, 1);
  refused({2}, codecs, 0);
  refused({2}, {spec(CodecId::pixels, 8)}, 1);
  refused({2}, {spec(CodecId::ptq, 9)}, 1);
  Evaluation evaluation(context, model, {{2}, codecs, false, 2});
  const auto all = pixels(made.architecture);
  const std::size_t each = all.size() / pictures;
  CHECK_THROWS_AS(evaluation.add(all, labels), std::invalid_argument);
  CHECK_THROWS_AS(evaluation.add({}, {}), std::invalid_argument);
  CHECK_THROWS_AS(evaluation.add(std::span(all).first(each), std::span(labels).first(2)),
                  std::invalid_argument);
}

TEST_CASE("on a GPU the same within its precision") {
  const Device device = choose_device("auto").device;
  if (device.kind != Device::Kind::cuda) {
    MESSAGE("SKIPPED: no GPU");
    return;
  }
  const Made made;
  const ModelFile model(made.folder / "model.safetensors");
  Context cpu(1);
  const std::vector<int> cuts = half_cuts(made.architecture);
  Evaluation expected(cpu, model, {cuts, codecs, false, 3});
  add_all(expected, made.architecture, {3, 3, 1});
  for (const Precision precision : {Precision::f32, Precision::f16}) {
    Context context(ContextOptions{device, 1, precision, false});
    Evaluation actual(context, model, {cuts, codecs, false, 3});
    add_all(actual, made.architecture, {3, 3, 1});
    const double tolerance = precision == Precision::f32 ? 1e-3 : 5e-2;
    for (std::size_t i = 0; i < codecs.size(); ++i) {
      CAPTURE(codec_text(codecs[i]));
      const EvaluationScore gpu = actual.points()[i].mean(), host = expected.points()[i].mean();
      CHECK(gpu.mean_kl() == doctest::Approx(host.mean_kl()).epsilon(tolerance).scale(1e-3));
      CHECK(gpu.mean_relative_error() ==
            doctest::Approx(host.mean_relative_error()).epsilon(tolerance).scale(1e-4));
    }
  }
}

}  // namespace
}  // namespace quantring
