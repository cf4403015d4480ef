#include "daemon/curl_http.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/clock.hpp"

namespace serverless::daemon {
namespace {

using http::Request;
using http::Response;

constexpr std::size_t kMaxHeaderBytes = 64 * 1024;
constexpr int kIdlePollMs = Pulses::kBeat.count();
// A list of a hundred workers at one go: by default it takes several, and a wait for each.
constexpr long kReadBuffer = 64L * 1024;
// Each keeps a buffer of that size. So many requests are hardly ever under way at once.
constexpr std::size_t kIdleHandles = 32;
// Than a request has: it is the request that is told to have taken too long.
constexpr std::chrono::seconds kLonger{1};

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using HeaderList = std::unique_ptr<curl_slist, ListDeleter>;

// One request on its way. Owned by the engine's thread once it was handed over.
struct Transfer {
  Easy easy{};
  HeaderList headers{};
  std::string body{};
  Response response{};
  std::size_t header_bytes = 0;
  std::size_t max_body = 0;
  Mono start_before{};
  unsigned silence = 0;  // Milliseconds.
  bool too_large = false;
  bool is_coded = false;  // A content coding was told.
  bool refused_coding = false;
  std::promise<Result<Response>> done{};
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  // Counts what comes out of the decompressor: a bomb is small on the wire.
  if (transfer.response.body.size() + size > transfer.max_body) {
    transfer.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  transfer.response.body.append(data, size);
  return size;
}

// One coding at most, and the one that we asked for. libcurl undoes whatever it is told, up to five
// of them one within another: a few bytes then keep it at work for hours in one call, and with it
// every account; and the window of another coding takes up to 128 MiB.
bool is_welcome(Transfer& transfer, std::string_view name, std::string_view value) {
  const auto coding = lower(value);
  if (name == "transfer-encoding") return coding == "chunked" || coding == "identity";
  if (name != "content-encoding" || coding == "identity") return true;
  return coding == "gzip" && !std::exchange(transfer.is_coded, true);
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.header_bytes += size;
  if (transfer.header_bytes > kMaxHeaderBytes) {
    transfer.too_large = true;
    return 0;
  }
  const std::string_view line = trimmed({data, size});
  if (line.starts_with("HTTP/")) {
    transfer.response.headers.clear();  // A 100-continue came before.
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    auto name = lower(trimmed(line.substr(0, colon)));
    const auto value = trimmed(line.substr(colon + 1));
    if (!is_welcome(transfer, name, value)) {
      transfer.refused_coding = true;
      return 0;
    }
    transfer.response.headers.emplace_back(std::move(name), std::string(value));
  }
  return size;
}

Reason reason_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Reason::timeout;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Reason::dns;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_USE_SSL_FAILED:
      return Reason::tls;
    case CURLE_BAD_CONTENT_ENCODING:
      return Reason::parse;
    default:
      return Reason::connect;
  }
}

template <typename T>
void set(CURL* easy, CURLoption option, T value) {
  if (const auto code = curl_easy_setopt(easy, option, value); code != CURLE_OK) {
    throw std::runtime_error(
        fmt::format("libcurl: option {}: {}", static_cast<int>(option), curl_easy_strerror(code)));
  }
}

void add_header(HeaderList& list, const std::string& line) {
  auto* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(list.release());
  list.reset(longer);
}

std::string_view key_header(http::Auth auth) {
  switch (auth) {
    case http::Auth::bearer:
      return "Authorization: Bearer ";
    case http::Auth::x_api_key:
      return "x-api-key: ";
    case http::Auth::token:
      return "Authorization: ";
  }
  return "";
}

HeaderList header_list(const Request& request, const config::Secret& key) {
  HeaderList list;
  add_header(list, "Accept: application/json");
  if (!key.empty()) add_header(list, std::string(key_header(request.auth)) + key.reveal());
  if (request.method == "POST") add_header(list, "Content-Type: application/json");
  return list;
}

bool is_loopback(std::string_view url) {
  const auto at = url.find("://");
  const std::string_view rest = at == std::string_view::npos ? url : url.substr(at + 3);
  const std::string_view host =
      rest.substr(0, rest.find_first_of(rest.starts_with('[') ? "/]" : "/:"));
  return host == "localhost" || host == "[::1" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos);
}

// By HTTP/2 requests share a connection, and one that is given up leaves it to the next. Where the
// network swallows everything, TCP would hold on to it for a quarter of an hour.
int on_socket(void* user, curl_socket_t socket, curlsocktype) {
  const auto silence = static_cast<const Transfer*>(user)->silence;
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence, sizeof(silence));
  return CURL_SOCKOPT_OK;
}

// An authority that is replaced is looked at with the next handshake; the system's are too many to
// be read each time.
void set_trust(CURL* easy, const Trust& trust) {
  if (!trust.ca_file.empty()) {
    set(easy, CURLOPT_CAINFO, trust.ca_file.c_str());
    set(easy, CURLOPT_CAPATH, nullptr);
    set(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
  }
  if (!trust.cert_file.empty()) {
    set(easy, CURLOPT_SSLCERT, trust.cert_file.c_str());
    set(easy, CURLOPT_SSLKEY, trust.key_file.c_str());
  }
}

// Handles that have done their request and know nothing of it any more: what they take a hundred
// allocations for is used again. Threads: any.
class IdleHandles {
 public:
  Easy take() {
    {
      const std::lock_guard lock(mutex_);
      if (!handles_.empty()) {
        Easy easy = std::move(handles_.back());
        handles_.pop_back();
        return easy;
      }
    }
    Easy easy(curl_easy_init());
    if (!easy) throw std::runtime_error("libcurl: no handle");
    return easy;
  }

  void give_back(Easy easy) {
    curl_easy_reset(easy.get());
    const std::lock_guard lock(mutex_);
    if (handles_.size() < kIdleHandles) handles_.push_back(std::move(easy));
  }

  void clear() { handles_.clear(); }

 private:
  std::mutex mutex_{};
  std::vector<Easy> handles_{};
};

std::shared_ptr<Transfer> make_transfer(Easy handle, const Request& request,
                                        const config::Secret& key, const Bounds& bounds,
                                        const Trust& trust, const std::string& user_agent) {
  auto transfer = std::make_shared<Transfer>();
  transfer->easy = std::move(handle);
  transfer->headers = header_list(request, key);
  transfer->body = request.body;
  transfer->max_body = bounds.max_body;
  transfer->start_before = bounds.start_before;
  transfer->silence = static_cast<unsigned>((bounds.timeout + kLonger).count());
  CURL* easy = transfer->easy.get();
  set(easy, CURLOPT_URL, request.url.c_str());
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  set(easy, CURLOPT_USERAGENT, user_agent.c_str());
  set(easy, CURLOPT_HTTPHEADER, transfer->headers.get());
  set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(bounds.timeout.count()));
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(bounds.timeout.count()));
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_BUFFERSIZE, kReadBuffer);
  // A hung resolver thread is left behind instead of waited for.
  set(easy, CURLOPT_QUICK_EXIT, 1L);
  set(easy, CURLOPT_WRITEFUNCTION, &on_body);
  set(easy, CURLOPT_WRITEDATA, static_cast<void*>(transfer.get()));
  set(easy, CURLOPT_HEADERFUNCTION, &on_header);
  set(easy, CURLOPT_HEADERDATA, static_cast<void*>(transfer.get()));
  set(easy, CURLOPT_SOCKOPTFUNCTION, &on_socket);
  set(easy, CURLOPT_SOCKOPTDATA, static_cast<void*>(transfer.get()));
  set(easy, CURLOPT_PRIVATE, static_cast<void*>(transfer.get()));
  set_trust(easy, trust);
  if (is_loopback(request.url)) set(easy, CURLOPT_PROXY, "");
  if (request.method == "POST") {
    set(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(transfer->body.size()));
    set(easy, CURLOPT_POSTFIELDS, transfer->body.c_str());
  }
  return transfer;
}

Result<Response> result_of(Transfer& transfer, CURLcode code) {
  if (code == CURLE_OK) {
    long status = 0;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    transfer.response.status = static_cast<int>(status);
    return std::move(transfer.response);
  }
  if (transfer.refused_coding) {
    return fail(Reason::parse, "a content coding that was not asked for");
  }
  // libcurl itself bounds the length of one line, and says that it is out of memory.
  if (transfer.too_large || code == CURLE_OUT_OF_MEMORY) {
    const bool body = transfer.too_large && transfer.header_bytes <= kMaxHeaderBytes;
    return fail(Reason::too_large,
                body ? fmt::format("the body is larger than {} bytes", transfer.max_body)
                     : fmt::format("the headers are larger than {} bytes", kMaxHeaderBytes));
  }
  return fail(reason_of(code), curl_easy_strerror(code));
}

}  // namespace

class CurlHttp::Engine {
 public:
  Engine(std::string user_agent, Pulses& pulses)
      : user_agent_(std::move(user_agent)), pulses_(pulses) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
      throw std::runtime_error("libcurl cannot be initialised");
    }
    multi_ = curl_multi_init();
    if (multi_ == nullptr) throw std::runtime_error("libcurl: no multi handle");
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  ~Engine() {
    thread_.request_stop();
    curl_multi_wakeup(multi_);
    thread_.join();
    idle_.clear();
    curl_multi_cleanup(multi_);
  }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  Result<Response> send(const Request& request, const config::Secret& key, const Bounds& bounds,
                        const std::stop_token& stop, const Trust& trust) {
    auto transfer = make_transfer(idle_.take(), request, key, bounds, trust, user_agent_);
    auto done = transfer->done.get_future();
    post({transfer, Order::start});
    const std::stop_callback cancel(stop, [&] { post({transfer, Order::cancel}); });
    auto result = done.get();
    // The engine's thread has let go of it. Who had no whole answer may have something left of it.
    if (result) idle_.give_back(std::move(transfer->easy));
    return result;
  }

 private:
  enum class Order { start, cancel };
  using Mail = std::pair<std::shared_ptr<Transfer>, Order>;

  void post(Mail mail) {
    {
      const std::lock_guard lock(mutex_);
      inbox_.push_back(std::move(mail));
    }
    curl_multi_wakeup(multi_);
  }

  void run(const std::stop_token& stop) {
    const Pulse pulse(pulses_, "curl", read_clock().mono);
    while (!stop.stop_requested()) {
      pulse.beat(read_clock().mono);
      read_inbox();
      int running = 0;
      curl_multi_perform(multi_, &running);
      read_results();
      curl_multi_poll(multi_, nullptr, 0, kIdlePollMs, nullptr);
    }
    read_inbox();
    while (!under_way_.empty()) end(under_way_.begin(), fail(Reason::internal, "stopping"));
  }

  void read_inbox() {
    std::deque<Mail> mails;
    {
      const std::lock_guard lock(mutex_);
      mails.swap(inbox_);
    }
    for (auto& [transfer, order] : mails) {
      if (order == Order::cancel) {
        const auto found = under_way_.find(transfer.get());
        if (found != under_way_.end()) end(found, fail(Reason::internal, "stopping"));
      } else if (read_clock().mono >= transfer->start_before) {
        transfer->done.set_value(fail(Reason::internal, "too late to be sent"));
      } else {
        curl_multi_add_handle(multi_, transfer->easy.get());
        under_way_.emplace(transfer.get(), std::move(transfer));
      }
    }
  }

  void read_results() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto code = message->data.result;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      const auto found = under_way_.find(transfer);
      if (found != under_way_.end()) end(found, result_of(*transfer, code));
    }
  }

  using UnderWay = std::map<const Transfer*, std::shared_ptr<Transfer>>;

  // From then on its handle is the sender's again.
  void end(UnderWay::iterator at, Result<Response> result) {
    const auto transfer = std::move(at->second);
    under_way_.erase(at);
    curl_multi_remove_handle(multi_, transfer->easy.get());
    transfer->done.set_value(std::move(result));
  }

  std::string user_agent_;
  Pulses& pulses_;
  CURLM* multi_ = nullptr;
  std::mutex mutex_{};
  std::deque<Mail> inbox_{};
  UnderWay under_way_{};
  IdleHandles idle_{};
  std::jthread thread_{};  // Last: ends before what it uses.
};

CurlHttp::CurlHttp(std::string user_agent, Pulses& pulses)
    : engine_(std::make_unique<Engine>(std::move(user_agent), pulses)) {}

CurlHttp::~CurlHttp() = default;

Result<http::Response> CurlHttp::send(const http::Request& request, const config::Secret& key,
                                      const Bounds& bounds, const std::stop_token& stop,
                                      const Trust& trust) {
  return engine_->send(request, key, bounds, stop, trust);
}

}  // namespace serverless::daemon
