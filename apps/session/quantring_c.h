/* QuantRing as a C library: quantring.h in C99, with the same meaning of every value.
 *
 * Errors: functions that return int give 0, or a negative QR_ERROR; functions that return a pointer
 * give NULL. `error` gets one line that names the file, node or option and says what to do, cut to
 * error_size with a zero byte at its end; it may be NULL. No exception leaves a function, and a
 * NULL handle or argument is an error, never a crash; functions that return nothing accept NULL.
 *
 * Threads: a model and a session may be used from several threads at once, but not while or after
 * they are freed. Usually one thread submits and another takes the answers.
 *
 * Structs begin with their size: set it to sizeof the struct, as the QR_..._INIT macros do, and a
 * later version of the library keeps working with this program.
 */
#ifndef QUANTRING_C_H
#define QUANTRING_C_H

#include <stddef.h>
#include <stdint.h>

/* The library is compiled with hidden symbols: what is declared here is visible. */
#pragma GCC visibility push(default)

#ifdef __cplusplus
extern "C" {
#endif

typedef struct qr_model qr_model;
typedef struct qr_session qr_session;
typedef struct qr_stop qr_stop;

enum { QR_OK = 0, QR_ERROR = -1 };
/* Of qr_session_next and qr_session_try_next: */
enum { QR_ANSWER = 1, QR_NO_ANSWER = 0 };

const char* qr_version(void); /* "0.2.0" */

/* ---- Model ------------------------------------------------------------------------------------
 */

qr_model* qr_model_open(const char* path, char* error, size_t error_size);
void qr_model_free(qr_model* model); /* sessions keep it open as long as they need it */

typedef struct {
  size_t size;
  int classes;
  int channels, height, width; /* of the pixels that the model takes */
  size_t pixel_bytes;          /* channels * height * width */
} qr_model_info;
#define QR_MODEL_INFO_INIT \
  { sizeof(qr_model_info), 0, 0, 0, 0, 0 }

int qr_model_get_info(const qr_model* model, qr_model_info* info, char* error, size_t error_size);
/* Name of the model file without folder and ending; valid until the model is freed. */
const char* qr_model_name(const qr_model* model);
/* Label of a class, valid until the model is freed; NULL where there is none. */
const char* qr_model_label(const qr_model* model, int class_index);

enum { QR_SOFTMAX = 0, QR_SIGMOID = 1, QR_OF_MODEL = 2 };
typedef struct {
  int index;         /* class */
  float probability; /* 0..1 */
} qr_scored_class;

/* The k classes with the largest logits, largest first, into top; returns how many, or QR_ERROR.
 * logits: [classes], as a session's answer has them. */
int qr_model_top(const qr_model* model, const float* logits, size_t count, int k, int probability,
                 qr_scored_class* top, char* error, size_t error_size);

/* ---- Session ----------------------------------------------------------------------------------
 */

typedef struct {
  size_t size;
  const char* device;    /* auto, cpu, cuda, cuda:N; NULL: auto */
  const char* precision; /* auto, f32, f16, bf16; NULL: auto */
  int threads;           /* of the CPU; 0: all cores */
  int max_batch;         /* images that one submit may hold, 1 to 1024 */
} qr_local_options;
#define QR_LOCAL_OPTIONS_INIT \
  { sizeof(qr_local_options), NULL, NULL, 0, 1 }

typedef struct {
  size_t size;
  const char* file;          /* ring.toml; NULL: none, and then */
  const char* const* stages; /* HOST:PORT of each node in ring order */
  size_t stage_count;
  int max_batch;              /* images that one submit may hold, 1 to 1024 */
  const char *policy, *codec; /* coding of the links; NULL: the ring file's, or the default */
  int bits;                   /* bits an element, for a codec of several widths; 0: its only one,
                                 or those in the codec's text: "klt 1.5" */
  double target_images_per_s; /* rate that no link should hold up; 0: the slowest part's */
  double min_agreement;       /* of all links together, percent; 0: the default; below 0: any */
  const char* ladder;         /* file of operating points; NULL: the default */
  double link_mbps;           /* pace of every link, Mbit/s; 0: none */
  int reconnect;              /* not 0: a lost ring is connected again, and nothing is lost */
} qr_ring_options;
#define QR_RING_OPTIONS_INIT \
  { sizeof(qr_ring_options), NULL, NULL, 0, 1, NULL, NULL, 0, 0, 0, NULL, 0, 0 }

/* options: NULL for the defaults of a local session. */
qr_session* qr_session_open_local(const qr_model* model, const qr_local_options* options,
                                  char* error, size_t error_size);
qr_session* qr_session_open_ring(const qr_model* model, const qr_ring_options* options, char* error,
                                 size_t error_size);

/* Each submit copies its input, blocks while the session has no room, and puts the id of the
 * (first) picture into *id, which may be NULL: 0, 1, 2 ... */

/* uint8 [images, channels, height, width] at the model's size; bytes: images * pixel_bytes. */
int qr_session_submit_pixels(qr_session* session, const uint8_t* pixels, size_t bytes, uint64_t* id,
                             char* error, size_t error_size);
/* A decoded picture of any size, uint8 [height, width, channels], 1 or 3 channels. */
int qr_session_submit_picture(qr_session* session, const uint8_t* pixels, size_t bytes, int width,
                              int height, int channels, uint64_t* id, char* error,
                              size_t error_size);
/* A picture file in memory: JPEG, PNG, BMP ... */
int qr_session_submit_file(qr_session* session, const void* file, size_t bytes, uint64_t* id,
                           char* error, size_t error_size);
void qr_session_close_input(qr_session* session); /* nothing more will be submitted */

/* The next answer in order of submission: its id into *id, its logits [classes] into logits, which
 * holds `count` floats, count >= classes. QR_ANSWER; QR_NO_ANSWER after the last one; or QR_ERROR.
 */
int qr_session_next(qr_session* session, uint64_t* id, float* logits, size_t count, char* error,
                    size_t error_size);
/* The same without waiting: QR_NO_ANSWER when none is there yet. */
int qr_session_try_next(qr_session* session, uint64_t* id, float* logits, size_t count, char* error,
                        size_t error_size);

typedef struct {
  size_t size;
  uint64_t submitted, answered; /* pictures */
  double seconds;               /* from the first submission to the last answer so far */
  double images_per_s;
  int connected; /* 0 while a lost ring is connected again */
  uint64_t reconnects;
  size_t stages; /* of the ring; 0 without one */
} qr_session_report;
#define QR_SESSION_REPORT_INIT \
  { sizeof(qr_session_report), 0, 0, 0, 0, 0, 0, 0 }

int qr_session_get_report(const qr_session* session, qr_session_report* report, char* error,
                          size_t error_size);
/* The whole report with every stage and link as JSON (docs/LIBRARY.md). Returns its length without
 * the zero byte; what does not fit into `size` is cut. json may be NULL with size 0. */
int qr_session_report_json(const qr_session* session, char* json, size_t size, char* error,
                           size_t error_size);

void qr_session_close(qr_session* session); /* blocked and later calls fail; from any thread */
void qr_session_free(qr_session* session);  /* closes it first */

/* ---- Node -------------------------------------------------------------------------------------
 */

typedef struct {
  size_t size;
  const char* model;              /* path of the model file, or of the part that holds the stage */
  const char* listen;             /* HOST:PORT; NULL: 127.0.0.1:7710; port 0 takes a free one */
  const char *device, *precision; /* as in qr_local_options */
  int threads;
  void (*ready)(uint16_t port, void* user);  /* once, when the node listens; may be NULL */
  void (*log)(const char* line, void* user); /* from several threads; may be NULL */
  void* user;
} qr_node_options;
#define QR_NODE_OPTIONS_INIT \
  { sizeof(qr_node_options), NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL }

qr_stop* qr_stop_new(void);
void qr_stop_now(qr_stop* stop); /* from any thread: qr_node_run returns soon */
void qr_stop_free(qr_stop* stop);

/* Serves one stage of a ring on the calling thread until stopped. stop: NULL runs forever. */
int qr_node_run(const qr_node_options* options, qr_stop* stop, char* error, size_t error_size);

#ifdef __cplusplus
}
#endif

#pragma GCC visibility pop

#endif
