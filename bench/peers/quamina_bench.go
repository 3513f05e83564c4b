// What an event costs quamina's MatchesForEvent, in `turnout match --bench`'s terms.
//
//	quamina_bench RULES.jsonl EVENTS.ndjson ANSWERS
//
// Adds the patterns, writes to ANSWERS a line for each event, as `turnout match` prints it, says
// `answered` and waits for a line on standard input: whoever started it compares. Then it warms up for
// a second, takes at least five passes of at least 200 ms by the thread's CPU time, and prints one line
// of JSON with the best. What collects garbage on other threads is not counted.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"unsafe"

	"quamina.net/go/quamina/v2"
)

const (
	warmUpNs    = 1_000_000_000
	passNsMin   = 200_000_000
	passesMin   = 5
	passesNsMax = 3_000_000_000

	clockThreadCPUTime = 3
)

func cpuNs() int64 {
	var now syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPUTime, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return memory.HeapAlloc
}

func fail(what error) {
	fmt.Fprintln(os.Stderr, what)
	os.Exit(1)
}

func lines(path string) [][]byte {
	text, err := os.ReadFile(path)
	if err != nil {
		fail(err)
	}
	var found [][]byte
	for _, line := range bytes.Split(text, []byte("\n")) {
		if len(bytes.TrimSpace(line)) > 0 {
			found = append(found, line)
		}
	}
	return found
}

type rule struct {
	Team, Name string
	Match      json.RawMessage
}

func rules(path string) []rule {
	var found []rule
	for _, line := range lines(path) {
		var one rule
		if err := json.Unmarshal(line, &one); err != nil {
			fail(err)
		}
		found = append(found, one)
	}
	return found
}

type bench struct {
	matcher         *quamina.Quamina
	events          [][]byte
	matches, errors int
}

func (b *bench) answer(path string) {
	file, err := os.Create(path)
	if err != nil {
		fail(err)
	}
	out := bufio.NewWriter(file)
	for _, event := range b.events {
		matched, err := b.matcher.MatchesForEvent(event)
		if err != nil {
			fmt.Fprintln(out, `{"error"}`)
			continue
		}
		names := make([]string, 0, len(matched))
		for _, name := range matched {
			names = append(names, fmt.Sprintf("%q", name))
		}
		sort.Strings(names)
		fmt.Fprintf(out, "[%s]\n", strings.Join(names, ", "))
	}
	if err := out.Flush(); err != nil {
		fail(err)
	}
	file.Close()
}

func (b *bench) round() {
	b.matches, b.errors = 0, 0
	for _, event := range b.events {
		matched, err := b.matcher.MatchesForEvent(event)
		if err != nil {
			b.errors++
		}
		b.matches += len(matched)
	}
}

// The nanoseconds of an event in the best pass, and allocations an event in all of them.
func (b *bench) measure() (float64, float64) {
	var roundNs int64
	for first := cpuNs(); ; {
		begun := cpuNs()
		b.round()
		now := cpuNs()
		roundNs = now - begun + 1
		if now-first >= warmUpNs {
			break
		}
	}
	rounds := (passNsMin + roundNs - 1) / roundNs
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var best, spent, passes int64
	for passes < passesMin || spent < passesNsMax {
		begun := cpuNs()
		for i := int64(0); i < rounds; i++ {
			b.round()
		}
		passNs := cpuNs() - begun
		if passes == 0 || passNs < best {
			best = passNs
		}
		spent += passNs
		passes++
	}
	runtime.ReadMemStats(&after)
	events := float64(rounds) * float64(len(b.events))
	return float64(best) / events, float64(after.Mallocs-before.Mallocs) / (events * float64(passes))
}

func main() {
	runtime.LockOSThread()
	asked := rules(os.Args[1])
	matcher, err := quamina.New()
	if err != nil {
		fail(err)
	}
	b := bench{matcher: matcher, events: lines(os.Args[2])}
	heap, begun := heapInUse(), cpuNs()
	for _, one := range asked {
		if err := matcher.AddPattern(one.Team+"/"+one.Name, string(one.Match)); err != nil {
			fail(fmt.Errorf("it does not take %s/%s: %w", one.Team, one.Name, err))
		}
	}
	buildMs := float64(cpuNs()-begun) / 1e6
	kept := float64(heapInUse()) - float64(heap)
	if kept < 0 {
		kept = 0
	}

	b.answer(os.Args[3])
	fmt.Println("answered")
	if !bufio.NewScanner(os.Stdin).Scan() {
		return
	}
	nsPerEvent, allocations := b.measure()
	fmt.Printf("{\"rules\": %d, \"events\": %d, \"matches\": %d, \"errors\": %d, \"ns_per_event\": %.1f, "+
		"\"events_per_s_core\": %.0f, \"build_ms\": %.2f, \"bytes_per_rule\": %.0f, "+
		"\"allocations_per_event\": %.2f}\n", len(asked), len(b.events), b.matches, b.errors, nsPerEvent,
		1e9/nsPerEvent, buildMs, kept/float64(len(asked)), allocations)
}
