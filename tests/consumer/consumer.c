/* The same in C: a black picture in this process and through a ring of three nodes.
 * Usage: consumer_c MODEL */
#include <pthread.h>
#include <quantring/quantring_c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { node_count = 3, max_classes = 1000 };

typedef struct {
  const char* model;
  qr_stop* stop;
  char address[32]; /* empty until it listens */
  pthread_mutex_t mutex;
  pthread_cond_t listening;
} node;

static char error[512];

static int fail(const char* what) {
  fprintf(stderr, "error: %s: %s\n", what, error);
  return 1;
}

static void on_ready(uint16_t port, void* user) {
  node* self = user;
  pthread_mutex_lock(&self->mutex);
  snprintf(self->address, sizeof self->address, "127.0.0.1:%u", (unsigned)port);
  pthread_cond_signal(&self->listening);
  pthread_mutex_unlock(&self->mutex);
}

static void* serve(void* user) {
  node* self = user;
  char node_error[512];
  qr_node_options options = QR_NODE_OPTIONS_INIT;
  options.model = self->model;
  options.listen = "127.0.0.1:0";
  options.threads = 1;
  options.ready = on_ready;
  options.user = self;
  if (qr_node_run(&options, self->stop, node_error, sizeof node_error) != QR_OK) {
    fprintf(stderr, "error: node: %s\n", node_error);
    exit(1);
  }
  return NULL;
}

static int classify(qr_session* session, const uint8_t* pixels, size_t bytes, float* logits) {
  int status;
  if (!session) return fail("session");
  status = qr_session_submit_pixels(session, pixels, bytes, NULL, error, sizeof error);
  if (status == QR_OK)
    status = qr_session_next(session, NULL, logits, max_classes, error, sizeof error);
  qr_session_free(session);
  return status == QR_ANSWER ? 0 : fail("classify");
}

int main(int argc, char** argv) {
  static float local[max_classes], through_ring[max_classes];
  node nodes[node_count];
  pthread_t threads[node_count];
  const char* stages[node_count];
  qr_model_info info = QR_MODEL_INFO_INIT;
  qr_ring_options ring = QR_RING_OPTIONS_INIT;
  qr_model* model;
  uint8_t* pixels;
  int i;

  if (argc != 2) return 2;
  model = qr_model_open(argv[1], error, sizeof error);
  if (!model || qr_model_get_info(model, &info, error, sizeof error) != QR_OK) return fail("model");
  pixels = calloc(info.pixel_bytes, 1);
  if (classify(qr_session_open_local(model, NULL, error, sizeof error), pixels, info.pixel_bytes,
               local) != 0)
    return 1;

  for (i = 0; i < node_count; ++i) {
    nodes[i].model = argv[1];
    nodes[i].stop = qr_stop_new();
    nodes[i].address[0] = 0;
    pthread_mutex_init(&nodes[i].mutex, NULL);
    pthread_cond_init(&nodes[i].listening, NULL);
    pthread_create(&threads[i], NULL, serve, &nodes[i]);
    pthread_mutex_lock(&nodes[i].mutex);
    while (nodes[i].address[0] == 0) pthread_cond_wait(&nodes[i].listening, &nodes[i].mutex);
    pthread_mutex_unlock(&nodes[i].mutex);
    stages[i] = nodes[i].address;
  }
  ring.stages = stages;
  ring.stage_count = node_count;
  ring.codec = "raw32";
  if (classify(qr_session_open_ring(model, &ring, error, sizeof error), pixels, info.pixel_bytes,
               through_ring) != 0)
    return 1;
  for (i = 0; i < node_count; ++i) {
    qr_stop_now(nodes[i].stop);
    pthread_join(threads[i], NULL);
    qr_stop_free(nodes[i].stop);
  }

  for (i = 0; i < info.classes; ++i) printf("%a\n", (double)local[i]);
  free(pixels);
  qr_model_free(model);
  if (memcmp(local, through_ring, (size_t)info.classes * sizeof(float)) != 0)
    return fail("the ring's logits differ from those of one process");
  return 0;
}
