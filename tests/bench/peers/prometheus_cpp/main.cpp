// Exporters as they are usually written with prometheus-cpp, to compare with: they poll the same
// simulated fleet, read it by simdjson's DOM, and publish the same series of workers. GET /poll
// asks for everything once, in place of a timer.
#include <curl/curl.h>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <string_view>

#include "tests/bench/peers/prometheus_cpp/publish.hpp"

namespace {

/// The Exposer serves nothing but Collectables, so that the poll is one.
class PollOnRequest final : public prometheus::Collectable {
 public:
  explicit PollOnRequest(peer::Poller& poller) : poller_(poller) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    poller_.poll();
    return {};
  }

 private:
  peer::Poller& poller_;
};

int serve(std::map<std::string, std::string, std::less<>>& options, const sigset_t& stop) {
  const auto publisher = options["--publish"] == "registry" ? peer::make_registry_publisher()
                                                            : peer::make_collectable_publisher();
  peer::Poller poller(options["--simulator"], options["--key"], options["--fleet"],
                      [&](peer::Snapshot snapshot) { publisher->take(std::move(snapshot)); });
  const auto on_request = std::make_shared<PollOnRequest>(poller);
  prometheus::Exposer exposer("127.0.0.1:0");
  publisher->expose(exposer);
  exposer.RegisterCollectable(on_request, "/poll");
  std::printf("listening http://127.0.0.1:%d\n", exposer.GetListeningPorts().front());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&stop, &signal);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string, std::less<>> options{{"--key", "demo-key"}};
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  try {
    return serve(options, stop);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "prometheus_cpp_peer: %s\n", error.what());
    return 1;
  }
}
