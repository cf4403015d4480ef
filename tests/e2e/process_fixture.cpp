#include "tests/e2e/process_fixture.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace e2e {
namespace {

namespace fs = std::filesystem;

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* reply) {
  static_cast<Reply*>(reply)->body.append(data, size * count);
  return size * count;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* reply) {
  const std::string line(data, size * count);
  const auto colon = line.find(": ");
  if (colon != std::string::npos) {
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    static_cast<Reply*>(reply)->headers[name] = line.substr(colon + 2, line.find('\r') - colon - 2);
  }
  return size * count;
}

// libcurl is initialised before the first thread.
struct CurlLibrary {
  CurlLibrary() { curl_global_init(CURL_GLOBAL_DEFAULT); }
  ~CurlLibrary() { curl_global_cleanup(); }
};
const CurlLibrary kCurlLibrary;

}  // namespace

bool eventually(const std::function<bool()>& condition, milliseconds deadline, milliseconds pause) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return condition();
    std::this_thread::sleep_for(pause);
  }
  return true;
}

void throughout(milliseconds time, const std::function<void()>& check, milliseconds pause) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) {
    check();
    std::this_thread::sleep_for(pause);
  }
}

double unix_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const fs::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

Reply request(const std::string& method, const std::string& url, milliseconds timeout,
              const std::string& socket, const std::vector<std::string>& headers) {
  Reply reply;
  curl_slist* list = nullptr;
  for (const auto& header : headers) list = curl_slist_append(list, header.c_str());
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> kept(list, curl_slist_free_all);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 curl_easy_cleanup);
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  if (!socket.empty()) curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
  if (method == "HEAD") {
    curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
  } else if (method == "POST") {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, "");
  } else {
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
  }
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reply);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &reply);
  const auto code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) reply.error = curl_easy_strerror(code);
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  return reply;
}

// ---- processes

Process::Process(const fs::path& out, const std::string& name,
                 const std::vector<std::string>& command,
                 const std::vector<std::string>& environment)
    : out_(out / (name + ".out")), err_(out / (name + ".err")) {
  std::vector<std::string> words = command;
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<std::string> variables = environment;
  std::vector<char*> all_variables;
  for (auto& variable : variables) all_variables.push_back(variable.data());
  for (char** variable = environ; *variable != nullptr; ++variable) {
    all_variables.push_back(*variable);
  }
  all_variables.push_back(nullptr);

  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  constexpr int kMode = O_WRONLY | O_CREAT | O_APPEND;
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out_.c_str(), kMode, 0644);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err_.c_str(), kMode, 0644);
  const int error = posix_spawn(&id_, arguments.front(), &actions, nullptr, arguments.data(),
                                all_variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    id_ = -1;
    throw std::runtime_error(fmt::format("{}: {}", command.front(), std::strerror(error)));
  }
}

Process::~Process() {
  if (exit_code() || id_ <= 0) return;
  ::kill(id_, SIGKILL);
  ::waitpid(id_, nullptr, 0);
}

void Process::signal(int number) const {
  if (!code_) ::kill(id_, number);
}

std::optional<int> Process::exit_code() {
  int status = 0;
  if (!code_ && id_ > 0 && ::waitpid(id_, &status, WNOHANG) == id_) {
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return code_;
}

std::optional<int> Process::wait(milliseconds deadline) {
  eventually([this] { return exit_code().has_value(); }, deadline, milliseconds{10});
  return code_;
}

std::string word_after(const std::string& log, std::string_view mark) {
  const auto at = log.find(mark);
  if (at == std::string::npos) return {};
  const auto begin = at + mark.size();
  const auto end = log.find_first_of(" \"\n", begin);
  return end == std::string::npos ? std::string{} : log.substr(begin, end - begin);
}

std::string exporter_path() { return BINARY_DIR "/serverless_exporter"; }
std::string simulator_path() { return BINARY_DIR "/serverless_simulator"; }

}  // namespace e2e
