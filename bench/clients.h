// Clients: librdkafka as the benches' programs use it, and their command lines.
//
// Errors: whatever goes wrong ends the program with status 1 and a line on standard error: a figure
//   from a run with errors is worth nothing.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace turnout::bench {

[[noreturn]] void Die(const std::string& why);

// `--name value` pairs.
class Arguments {
 public:
  Arguments(int argc, char** argv);
  std::string Text(const std::string& name) const;  // dies when it is not given
  int64_t Number(const std::string& name) const;

 private:
  std::map<std::string, std::string> values_;
};

using Properties = std::initializer_list<std::pair<const char*, std::string>>;
rd_kafka_t* NewProducer(Properties properties);
rd_kafka_t* NewConsumer(Properties properties);

inline constexpr int64_t kNow = 0;  // as a record's timestamp

// Produces with a copy of the bytes; waits while the queue is full. `headers` may be null; it is
// taken.
void Produce(rd_kafka_t* producer, rd_kafka_topic_t* topic, const void* key, size_t key_size,
             const void* value, size_t value_size, rd_kafka_headers_t* headers,
             int64_t timestamp_ms = kNow);

// If NowUs() is before then, serves the producer's callbacks and sleeps until then.
void WaitUntil(rd_kafka_t* producer, int64_t due_us);

// Topics `prefix0` to `prefix(count-1)`.
std::vector<std::string> TopicNames(const std::string& prefix, int count);

// Assigns every partition of these topics, from where it ends at this moment.
void AssignAllFromEnd(rd_kafka_t* consumer, const std::vector<std::string>& topics);

// Microseconds of a clock that only goes forward, the same for all threads.
int64_t NowUs();

// CPU of this process so far, user and system.
int64_t CpuUs();

}  // namespace turnout::bench
