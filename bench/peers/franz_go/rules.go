package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/valyala/fastjson"
)

// An interval of amounts and where events within it go.
type wish struct {
	low, high float64
	topic     string
}

// rules is a dispatch written by hand for rules of just this shape: exact types, exact regions and a
// half-open interval of amounts. It is no rule language: that is what it saves.
type rules struct {
	wishes map[string]map[string][]wish // by type, then region
	parser fastjson.Parser
	topics []string // of the event in hand
}

type rule struct {
	Match struct {
		Type   []string
		Region []string
		Amount []struct{ Numeric []any }
	}
	To string
}

func readRules(path string) (*rules, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	read := &rules{wishes: map[string]map[string][]wish{}}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var one rule
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, err
		}
		if err := read.add(one); err != nil {
			return nil, err
		}
	}
	return read, nil
}

func (r *rules) add(one rule) error {
	if len(one.Match.Amount) != 1 || len(one.Match.Amount[0].Numeric) != 4 ||
		one.Match.Amount[0].Numeric[0] != ">=" || one.Match.Amount[0].Numeric[2] != "<" {
		return fmt.Errorf("this is no rule of type, region and amount: %v", one)
	}
	bounds := one.Match.Amount[0].Numeric
	added := wish{bounds[1].(float64), bounds[3].(float64), one.To}
	for _, kind := range one.Match.Type {
		if r.wishes[kind] == nil {
			r.wishes[kind] = map[string][]wish{}
		}
		for _, region := range one.Match.Region {
			r.wishes[kind][region] = append(r.wishes[kind][region], added)
		}
	}
	return nil
}

// route answers the topics that this event goes to, each once, until the next call.
func (r *rules) route(event []byte) ([]string, error) {
	r.topics = r.topics[:0]
	root, err := r.parser.ParseBytes(event)
	if err != nil {
		return nil, err
	}
	amount := root.GetFloat64("amount")
	for _, wish := range r.wishes[string(root.GetStringBytes("type"))][string(root.GetStringBytes("region"))] {
		if wish.low <= amount && amount < wish.high && !slices.Contains(r.topics, wish.topic) {
			r.topics = append(r.topics, wish.topic)
		}
	}
	return r.topics, nil
}
