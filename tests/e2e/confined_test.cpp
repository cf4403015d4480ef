// The exporter under the /proc that its unit gives it.

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <iterator>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/e2e/e2e_fixture.hpp"

namespace e2e {
namespace {

namespace fs = std::filesystem;

const fs::path kUnit = fs::path(SOURCE_DIR) / "systemd/serverless_exporter.service";

std::string setting(const std::string& name) {
  const std::string value = word_after("\n" + read_file(kUnit), "\n" + name + "=");
  if (value.empty()) throw std::runtime_error("the unit does not set " + name);
  return value;
}

// Mounts a /proc as the unit's settings make systemd do, and gives every privilege up. Who owns a
// namespace of users and one of processes may mount it: the test need not be root.
std::vector<std::string> confined() {
  const auto options =
      fmt::format("hidepid={},subset={}", setting("ProtectProc"), setting("ProcSubset"));
  return {"/usr/bin/unshare",
          "--user",
          "--map-root-user",
          "--mount",
          "--pid",
          "--fork",
          "--kill-child",
          "/bin/sh",
          "-c",
          "mount -t proc -o " + options +
              " proc /proc && exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all "
              "\"$@\"",
          "sh"};
}

// What the machine's own /proc says of a process.
struct Outside {
  double cpu = 0;
  double start = 0;
  double virtual_bytes = 0;
  double resident_bytes = 0;
  double fds = 0;
  double received = 0;
  double sent = 0;
};

// The number behind the word, which may be several.
double number_after(const std::string& text, const std::string& word) {
  const auto at = text.find(word);
  if (at == std::string::npos) throw std::runtime_error("no '" + word + "'");
  return std::stod(text.substr(at + word.size()));
}

// Columns of the two lines of one group.
std::vector<double> columns(const std::string& text, const std::string& group,
                            const std::vector<std::string>& names) {
  const auto heading_at = text.find("\n" + group);
  const auto values_at = text.find("\n" + group, heading_at + 1);
  std::istringstream heading(text.substr(heading_at + 1, values_at - heading_at));
  std::istringstream values(text.substr(values_at + 1));
  std::map<std::string, double> found;
  std::string name;
  std::string value;
  heading >> name;
  values >> value;
  while (heading >> name && values >> value) found[name] = std::stod(value);
  std::vector<double> result;
  result.reserve(names.size());
  for (const auto& wanted : names) result.push_back(found.at(wanted));
  return result;
}

Outside look(pid_t process) {
  const fs::path proc = fs::path("/proc") / std::to_string(process);
  const std::string stat = read_file(proc / "stat");
  // proc(5): the third field follows the name in parentheses.
  std::istringstream rest(stat.substr(stat.rfind(')') + 1));
  std::vector<std::string> fields(3);
  for (std::string field; rest >> field;) fields.push_back(field);
  const auto field = [&](std::size_t index) { return std::stod(fields.at(index)); };
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto octets = columns(read_file(proc / "net/netstat"), "IpExt:", {"InOctets", "OutOctets"});
  return {.cpu = (field(14) + field(15)) / ticks,
          .start = number_after(read_file("/proc/stat"), "\nbtime ") + field(22) / ticks,
          .virtual_bytes = field(23),
          .resident_bytes = field(24) * static_cast<double>(sysconf(_SC_PAGESIZE)),
          .fds = static_cast<double>(
              std::distance(fs::directory_iterator(proc / "fd"), fs::directory_iterator())),
          .received = octets[0],
          .sent = octets[1]};
}

using Confined = E2e;

TEST_F(Confined, TheProcessMetricsAreWhatTheMachineSaysOfIt) {
  const Simulator simulator(workspace_, simulated({"--endpoints", "2"}));
  Exporter exporter(workspace_,
                    exporter_options("[poll]\ninterval = \"30s\"\ntimeout = \"30s\"\n" +
                                     simulator.account("prod", "runpod", key_file_)),
                    "exporter", {}, confined());
  // Of the unshare that waits for it.
  const auto parent = exporter.process().id();
  const pid_t process =
      std::stoi(read_file(fmt::format("/proc/{}/task/{}/children", parent, parent)));
  const fs::path root = fmt::format("/proc/{}/root", process);
  ASSERT_TRUE(fs::exists(root / "proc/1/stat"));
  ASSERT_FALSE(fs::exists(root / "proc/stat")) << "it sees all of /proc";

  const auto between = [](double before, double value, double after) {
    return before <= value && value <= after;
  };
  Outside before;
  Outside after;
  std::map<std::string, double> told;
  // While it does nothing else than answer: what moves, moves between the looks.
  const auto agree = [&] {
    before = look(process);
    const auto page = exporter.page();
    after = look(process);
    for (const auto& sample : page.samples()) {
      if (sample.name.starts_with("process_")) told[sample.name] = sample.value;
    }
    return before.fds == after.fds && before.resident_bytes == after.resident_bytes &&
           before.virtual_bytes == after.virtual_bytes &&
           told["process_start_time_seconds"] == before.start &&
           // And the connection that asks.
           told["process_open_fds"] == before.fds + 1 &&
           told["process_resident_memory_bytes"] == before.resident_bytes &&
           told["process_virtual_memory_bytes"] == before.virtual_bytes;
  };
  EXPECT_TRUE(eventually(agree)) << testing::PrintToString(told);
  EXPECT_EQ(told["process_start_time_seconds"], before.start);
  EXPECT_PRED3(between, before.cpu, told["process_cpu_seconds_total"], after.cpu);
  EXPECT_PRED3(between, before.received, told["process_network_receive_bytes_total"],
               after.received);
  EXPECT_PRED3(between, before.sent, told["process_network_transmit_bytes_total"], after.sent);
  const std::string limits = read_file(fmt::format("/proc/{}/limits", process));
  EXPECT_EQ(told["process_max_fds"], number_after(limits, "Max open files"));
  EXPECT_NE(limits.find("Max address space         unlimited"), std::string::npos);
  EXPECT_EQ(told["process_virtual_memory_max_bytes"], -1);
  EXPECT_EQ(told.size(), 9U) << testing::PrintToString(told);

  ::kill(process, SIGTERM);
  EXPECT_EQ(exporter.process().wait(), 0) << exporter.process().err();
}

}  // namespace
}  // namespace e2e
