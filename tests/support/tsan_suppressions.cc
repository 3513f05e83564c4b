// What the thread sanitizer is told not to report: libraries that are built without it. Their locks
// are seen, their atomics are not, so memory that they count references to, or publish without a
// lock, looks raced for.
//
// librdkafka: what it reads, copies and frees is not looked at. What it calls back into is ours and
// is. RocksDB: reports with a frame of it are left out, most of all those of memory that its
// background threads free. Those between our own functions are not.
extern "C" {
const char* __tsan_default_suppressions();

const char* __tsan_default_suppressions() {
  return "called_from_lib:librdkafka.so\nrace:librocksdb.so\n";
}
}
