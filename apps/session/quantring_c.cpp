#include "apps/session/quantring_c.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "apps/session/c_arguments.h"
#include "apps/session/quantring.h"
#include "ops/base/error.h"
#include "ops/base/json.h"

struct qr_model {
  quantring::Model model;
  std::string name;
};

struct qr_session {
  quantring::Session session;
};

struct qr_stop {
  quantring::StopToken token;
};

namespace {

using quantring::Error, quantring::c_api::guarded, quantring::c_api::read_struct,
    quantring::c_api::required, quantring::c_api::text_or, quantring::c_api::write_struct,
    quantring::c_api::write_text;

std::span<const std::uint8_t> bytes_of(const void* data, size_t size, const char* name) {
  if (data == nullptr && size > 0) throw Error(std::string(name) + " is NULL");
  return {static_cast<const std::uint8_t*>(data), size};
}

int answered(std::optional<quantring::Answer> answer, uint64_t* id, float* logits, size_t count) {
  if (!answer) return QR_NO_ANSWER;
  if (id != nullptr) *id = answer->id;
  std::copy_n(answer->logits.begin(), std::min(count, answer->logits.size()), logits);
  return QR_ANSWER;
}

// Before an answer is taken, which would be lost.
void check_logits(const qr_session& session, const float* logits, size_t count) {
  const auto classes = static_cast<size_t>(session.session.model().classes());
  if (logits == nullptr) throw Error("logits is NULL");
  if (count < classes) {
    throw Error("logits holds " + std::to_string(count) + " values, and the model has " +
                std::to_string(classes) + " classes");
  }
}

nlohmann::ordered_json report_json(const quantring::SessionReport& report) {
  nlohmann::ordered_json stages = nlohmann::ordered_json::array(), links = stages;
  for (const auto& stage : report.stages) {
    stages.push_back({{"stage", stage.stage},
                      {"address", stage.address},
                      {"blocks", stage.blocks},
                      {"device", stage.device},
                      {"images", stage.images},
                      {"images_per_s", stage.images_per_s}});
  }
  for (const auto& link : report.links) {
    links.push_back({{"name", link.name},
                     {"codec", link.codec},
                     {"bits", link.bits},
                     {"frames", link.frames},
                     {"payload_bytes", link.payload_bytes},
                     {"wire_bytes", link.wire_bytes},
                     {"mbps", link.mbps},
                     {"capacity_mbps", link.capacity_mbps},
                     {"capacity_measured", link.capacity_measured}});
  }
  return {{"submitted", report.submitted},
          {"answered", report.answered},
          {"seconds", report.seconds},
          {"images_per_s", report.images_per_s},
          {"connected", report.connected},
          {"reconnects", report.reconnects},
          {"stages", stages},
          {"links", links}};
}

}  // namespace

const char* qr_version(void) {
  return quantring::library_version();
}

qr_model* qr_model_open(const char* path, char* error, size_t error_size) {
  return guarded(error, error_size, static_cast<qr_model*>(nullptr), [&] {
    quantring::Model model(&required(path, "path"));
    std::string name = model.name();
    return new qr_model{std::move(model), std::move(name)};
  });
}

void qr_model_free(qr_model* model) {
  delete model;
}

int qr_model_get_info(const qr_model* model, qr_model_info* info, char* error, size_t error_size) {
  return guarded(error, error_size, int{QR_ERROR}, [&] {
    const quantring::Model& from = required(model, "model").model;
    write_struct({sizeof(qr_model_info), from.classes(), from.channels(), from.height(),
                  from.width(), from.pixel_bytes()},
                 info, "info");
    return int{QR_OK};
  });
}

const char* qr_model_name(const qr_model* model) {
  return model == nullptr ? nullptr : model->name.c_str();
}

const char* qr_model_label(const qr_model* model, int class_index) {
  if (model == nullptr || class_index < 0) return nullptr;
  const auto& labels = model->model.labels();
  const auto index = static_cast<size_t>(class_index);
  return index < labels.size() ? labels[index].c_str() : nullptr;
}

int qr_model_top(const qr_model* model, const float* logits, size_t count, int k, int probability,
                 qr_scored_class* top, char* error, size_t error_size) {
  return guarded(error, error_size, int{QR_ERROR}, [&] {
    const quantring::Model& from = required(model, "model").model;
    if (k < 0) throw Error("k is negative");
    if (probability < QR_SOFTMAX || probability > QR_OF_MODEL) {
      throw Error("probability is none of QR_SOFTMAX, QR_SIGMOID and QR_OF_MODEL");
    }
    if (k > 0) required(top, "top");
    const auto classes = from.top({&required(logits, "logits"), count}, k,
                                  static_cast<quantring::Probability>(probability));
    for (const auto& each : classes) *top++ = {each.index, each.probability};
    return static_cast<int>(classes.size());
  });
}

qr_session* qr_session_open_local(const qr_model* model, const qr_local_options* options,
                                  char* error, size_t error_size) {
  return guarded(error, error_size, static_cast<qr_session*>(nullptr), [&] {
    const quantring::Model& from = required(model, "model").model;
    quantring::LocalOptions local;
    if (options != nullptr) {
      const auto given = read_struct(options, "options");
      local.compute = {text_or(given.device, "auto"), text_or(given.precision, "auto"),
                       given.threads};
      local.max_batch = given.max_batch;
    }
    return new qr_session{quantring::Session::open_local(from, local)};
  });
}

qr_session* qr_session_open_ring(const qr_model* model, const qr_ring_options* options, char* error,
                                 size_t error_size) {
  return guarded(error, error_size, static_cast<qr_session*>(nullptr), [&] {
    const quantring::Model& from = required(model, "model").model;
    const auto given = read_struct(options, "options");
    quantring::RingOptions ring;
    ring.file = text_or(given.file, "");
    if (given.stage_count > 0) required(given.stages, "stages");
    for (size_t i = 0; i < given.stage_count; ++i) {
      ring.stages.emplace_back(&required(given.stages[i], "an address in stages"));
    }
    ring.max_batch = given.max_batch;
    ring.policy = text_or(given.policy, "");
    ring.codec = text_or(given.codec, "");
    ring.bits = given.bits;
    ring.target_images_per_s = given.target_images_per_s;
    ring.min_agreement = given.min_agreement;
    ring.ladder = text_or(given.ladder, "");
    ring.link_mbps = given.link_mbps;
    ring.reconnect = given.reconnect != 0;
    return new qr_session{quantring::Session::open_ring(from, ring)};
  });
}

int qr_session_submit_pixels(qr_session* session, const uint8_t* pixels, size_t bytes, uint64_t* id,
                             char* error, size_t error_size) {
  return guarded(error, error_size, int{QR_ERROR}, [&] {
    const auto first =
        required(session, "session").session.submit_pixels(bytes_of(pixels, bytes, "pixels"));
    if (id != nullptr) *id = first;
    return int{QR_OK};
  });
}

int qr_session_submit_picture(qr_session* session, const uint8_t* pixels, size_t bytes, int width,
                              int height, int channels, uint64_t* id, char* error,
                              size_t error_size) {
  return guarded(error, error_size, int{QR_ERROR}, [&] {
    const auto submitted =
        required(session, "session")
            .session.submit_picture(bytes_of(pixels, bytes, "pixels"), width, height, channels);
    if (id != nullptr) *id = submitted;
    return int{QR_OK};
  });
}

int qr_session_submit_file(qr_session* session, const void* file, size_t bytes, uint64_t* id,
                           char* error, size_t error_size) {
  return guarded(error, error_size, int{QR_ERROR}, [&] {
    const auto submitted = required(session, "session")
                               .session.submit_file(std::as_bytes(bytes_of(file, bytes, "file")));
    if (id != nullptr) *id = submitted;
    return int{QR_OK};
  });
}

void qr_session_close_input(qr_session* session) {
  if (session == nullptr) return;
  guarded(nullptr, 0, 0, [&] {
    session->session.close_input();
    return 0;
  });
}

int qr_session_next(qr_session* session, uint64_t* id, float* logits, size_t count, char* error,
                    size_t error_size) {
  return guarded(error, error_size, int{QR_ERROR}, [&] {
    check_logits(required(session, "session"), logits, count);
    return answered(session->session.next(), id, logits, count);
  });
}

int qr_session_try_next(qr_session* session, uint64_t* id, float* logits, size_t count, char* error,
                        size_t error_size) {
  return guarded(error, error_size, int{QR_ERROR}, [&] {
    check_logits(required(session, "session"), logits, count);
    return answered(session->session.try_next(), id, logits, count);
  });
}

int qr_session_get_report(const qr_session* session, qr_session_report* report, char* error,
                          size_t error_size) {
  return guarded(error, error_size, int{QR_ERROR}, [&] {
    const auto from = required(session, "session").session.report();
    write_struct({sizeof(qr_session_report), from.submitted, from.answered, from.seconds,
                  from.images_per_s, from.connected ? 1 : 0, from.reconnects, from.stages.size()},
                 report, "report");
    return int{QR_OK};
  });
}

int qr_session_report_json(const qr_session* session, char* json, size_t size, char* error,
                           size_t error_size) {
  return guarded(error, error_size, int{QR_ERROR}, [&] {
    const std::string text =
        quantring::json_text(report_json(required(session, "session").session.report()));
    write_text(text.c_str(), json, size);
    return static_cast<int>(text.size());
  });
}

void qr_session_close(qr_session* session) {
  if (session != nullptr) session->session.close();
}

void qr_session_free(qr_session* session) {
  delete session;
}

qr_stop* qr_stop_new(void) {
  return guarded(nullptr, 0, static_cast<qr_stop*>(nullptr), [] { return new qr_stop{}; });
}

void qr_stop_now(qr_stop* stop) {
  if (stop != nullptr) stop->token.stop();
}

void qr_stop_free(qr_stop* stop) {
  delete stop;
}

int qr_node_run(const qr_node_options* options, qr_stop* stop, char* error, size_t error_size) {
  return guarded(error, error_size, int{QR_ERROR}, [&] {
    const auto given = read_struct(options, "options");
    quantring::NodeOptions node;
    node.model = &required(given.model, "options->model");
    node.listen = text_or(given.listen, "127.0.0.1:7710");
    node.compute = {text_or(given.device, "auto"), text_or(given.precision, "auto"), given.threads};
    void* const user = given.user;
    if (given.ready != nullptr) {
      node.ready = [ready = given.ready, user](std::uint16_t port) { ready(port, user); };
    }
    if (given.log != nullptr) {
      node.log = [log = given.log, user](const std::string& line) { log(line.c_str(), user); };
    }
    quantring::run_node(node, stop == nullptr ? quantring::StopToken() : stop->token);
    return int{QR_OK};
  });
}
