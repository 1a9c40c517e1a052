#include "engine/calibration/klt_calibration.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/calibration/klt_basis.h"
#include "engine/calibration/klt_decoder.h"
#include "engine/calibration/klt_rate.h"
#include "engine/calibration/statistics.h"
#include "engine/calibration/stream_walk.h"
#include "ops/cpu/thread_pool.h"

namespace quantring {
namespace {

constexpr int coded_every = 4;  // half-blocks, in the chains for which decoders are fitted

class Calibration {
 public:
  Calibration(Context& context, const ModelFile& model, std::span<const std::byte> pixels,
              std::size_t images, const KltCalibration& options,
              const CalibrationProgress& progress)
      : context_(context),
        model_(model),
        pixels_(pixels),
        images_(images),
        options_(options),
        progress_(progress) {}

  std::map<int, KltTables> run() {
    bases();
    rates();
    if (options_.fit_decoder) decoders();
    return std::move(tables_);
  }

 private:
  // Shares of the time, about.
  double statistics_share() const { return options_.fit_decoder ? 0.25 : 0.5; }
  double rates_share() const { return options_.fit_decoder ? 0.4 : 1.0; }

  void tell(double done, const std::string& what) const {
    if (progress_) progress_(done, what);
  }

  void bases() {
    ModelStatistics statistics(context_, model_, options_.cuts, options_.batch, options_.seed);
    const std::size_t picture = pixels_.size() / images_;
    const auto batch = static_cast<std::size_t>(options_.batch);
    for (std::size_t i = 0; i < images_; i += batch) {
      const std::size_t count = std::min(batch, images_ - i);
      statistics.add(pixels_.subspan(i * picture, count * picture), static_cast<int>(count));
      tell(statistics_share() * static_cast<double>(i + count) / static_cast<double>(images_),
           "gradients");
    }
    const KltShape shape = klt_shape(model_.architecture());
    for (std::size_t c = 0; c < options_.cuts.size(); ++c)
      tables_[options_.cuts[c]] = klt_basis(shape, statistics.result(c));
  }

  void rates() {
    StreamWalk walk(context_, model_, options_.batch);
    int from = 0;
    std::vector<float> streams;
    double done = 0;
    for (auto& [cut, tables] : tables_) {
      if (from == 0) {
        streams = walk.begin(pixels_, images_, cut);
      } else {
        std::vector<float>* const set = &streams;
        walk.advance({&set, 1}, from, cut);
      }
      from = cut;
      fit_rates(tables, streams);
      tell(statistics_share() +
               (rates_share() - statistics_share()) * ++done / static_cast<double>(tables_.size()),
           "operating points");
    }
  }

  void fit_rates(KltTables& tables, const std::vector<float>& streams) const {
    tables.prepare();
    const KltCoefficients all = coefficients(tables, streams);
    std::vector<int> widths(klt_widths.begin(), klt_widths.end());
    std::sort(widths.begin(), widths.end());
    tables.rates.resize(widths.size());
    each(widths.size(),
         [&](std::size_t i) { tables.rates[i] = fit_klt_rate(tables, all, widths[i]); });
    tables.prepare();
  }

  // sent: as a stage sends them, one for each rate, in whose chain klt coded them before.
  void fit_chained_rates(KltTables& tables, const std::vector<std::vector<float>>& sent) const {
    std::vector<KltCoefficients> received;
    for (const int width : klt_chained_widths)
      received.push_back(coefficients(tables, sent[rate_index(tables, width)]));
    std::vector<KltRate> chained(klt_chained_widths.size());
    each(chained.size(), [&](std::size_t i) {
      chained[i] = fit_klt_rate(tables, received[i], klt_chained_widths[i]);
      chained[i].width += klt_chained;
    });
    tables.rates.insert(tables.rates.end(), chained.begin(), chained.end());
    tables.prepare();
  }

  static std::size_t rate_index(const KltTables& tables, int width) {
    return static_cast<std::size_t>(tables.rate(width) - tables.rates.data());
  }

  KltCoefficients coefficients(const KltTables& tables, const std::vector<float>& streams) const {
    const KltShape& shape = tables.shape;
    const std::size_t prefix = shape.prefix * shape.dim, patches = shape.patches() * shape.dim;
    KltCoefficients all;
    all.images = images_;
    all.prefix.resize(images_ * prefix);
    all.patches.resize(images_ * patches);
    each(images_, [&](std::size_t i) {
      std::vector<float> of_prefix, of_patches, work;
      tables.analyse(streams.data() + i * (prefix + patches), shape.dim, of_prefix, of_patches,
                     work);
      std::copy(of_prefix.begin(), of_prefix.end(), all.prefix.data() + i * prefix);
      std::copy(of_patches.begin(), of_patches.end(), all.patches.data() + i * patches);
    });
    return all;
  }

  void each(std::size_t count, const std::function<void(std::size_t)>& work) const {
    context_.pool().parallel_for(static_cast<std::int64_t>(count),
                                 [&](std::int64_t i, int) { work(static_cast<std::size_t>(i)); });
  }

  // Chains of cuts, each at least coded_every half-blocks behind the one before.
  std::vector<std::vector<int>> chains() const {
    std::vector<std::vector<int>> chains;
    for (const int cut : options_.cuts) {
      std::vector<int>* chain = nullptr;
      for (auto& candidate : chains) {
        if (candidate.back() + coded_every <= cut &&
            (chain == nullptr || candidate.back() > chain->back()))
          chain = &candidate;
      }
      if (chain == nullptr) chain = &chains.emplace_back();
      chain->push_back(cut);
    }
    return chains;
  }

  void decoders() {
    double done = 0;
    for (const std::vector<int>& chain : chains()) {
      StreamWalk walk(context_, model_, options_.batch);
      std::vector<float> clean = walk.begin(pixels_, images_, chain.front());
      std::vector<std::vector<float>> sent(klt_widths.size(), clean);
      for (std::size_t c = 0; c < chain.size(); ++c) {
        if (c > 0) {
          std::vector<std::vector<float>*> sets = {&clean};
          for (auto& set : sent) sets.push_back(&set);
          walk.advance(sets, chain[c - 1], chain[c]);
        }
        KltTables& tables = tables_.at(chain[c]);
        if (c > 0) fit_chained_rates(tables, sent);
        fit_decoders(tables, clean, sent);
        tables.prepare();
        tell(rates_share() + (1 - rates_share()) * ++done / static_cast<double>(tables_.size()),
             "decoders");
      }
    }
  }

  // `sent` becomes what is received.
  void fit_decoders(KltTables& tables, const std::vector<float>& clean,
                    std::vector<std::vector<float>>& sent) const {
    for (KltRate& rate : tables.rates) {
      const int width = rate.width % klt_chained;
      const bool in_chain = tables.rate(width + klt_chained) == &rate;
      std::vector<float> alone;
      if (!in_chain) alone = clean;
      fit_klt_decoder(context_, tables, rate, clean,
                      in_chain ? sent[rate_index(tables, width)] : alone);
    }
  }

  Context& context_;
  const ModelFile& model_;
  std::span<const std::byte> pixels_;
  std::size_t images_;
  const KltCalibration& options_;
  const CalibrationProgress& progress_;
  std::map<int, KltTables> tables_;
};

}  // namespace

std::map<int, KltTables> calibrate_klt(Context& context, const ModelFile& model,
                                       std::span<const std::byte> pixels, std::size_t images,
                                       const KltCalibration& options,
                                       const CalibrationProgress& progress) {
  return Calibration(context, model, pixels, images, options, progress).run();
}

}  // namespace quantring
