// ReplayWorker: how the worker of a replay job differs from a router's.
//
// It parks no output of an unwell destination: whoever drains the parking topic reads what live
// workers' notes name, and a job that is done reads nothing. They are dead letters of the job.
//
// Threads: a pure function.
#pragma once

#include <string>

#include "runtime/config.h"
#include "runtime/worker.h"

namespace turnout::runtime {

// Without what it borrows: tables, and who stops it. `asks_tables`: what a table lacks the key of
// is set aside.
WorkerOptions ReplayWorkerOptions(const Config& config, const std::string& job, bool asks_tables);

}  // namespace turnout::runtime
