package pipeline

import (
	"errors"
	"fmt"
	"slices"

	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/pipelinevar"
	"delivery.internal/lib/promotion"
)

const (
	maxDescription = 200
	maxArtifacts   = 5 // into or out of a CodeBuild action
	minWait        = 5 // minutes, of an approval
	maxWait        = 86400
)

// Validate says everything that CodePipeline would refuse, at creation or in
// the middle of a run, and what breaks the platform's own rules.
func (b Blueprint) Validate() error {
	c := &checker{artifacts: map[string]bool{}, known: map[string][]string{serviceNamespace: {executionID}}}
	c.match("pipeline", b.Name, awsname.Pipeline)
	if b.Mode != promotion.Queued && b.Mode != promotion.Superseded {
		c.fail("pipeline %s has mode %q: expected %s or %s", b.Name, b.Mode, promotion.Queued, promotion.Superseded)
	}
	c.variables(b.Variables)
	if len(b.Stages) < 2 {
		c.fail("pipeline %s has %d stages: CodePipeline demands at least two", b.Name, len(b.Stages))
	}
	stages := map[string]bool{}
	for i, s := range b.Stages {
		c.match("stage", s.Name, awsname.Pipeline)
		c.once("stage", s.Name, stages)
		c.stage(s, i == 0)
	}
	return errors.Join(c.errs...)
}

// checker walks a blueprint in the order in which it would run.
type checker struct {
	errs      []error
	artifacts map[string]bool     // made so far
	known     map[string][]string // variables so far, by namespace
}

func (c *checker) fail(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("pipeline layout: "+format, args...))
}

func (c *checker) match(what, name string, rule awsname.Rule) {
	if !rule.Allows(name) {
		c.fail("%s %q is not a name that CodePipeline accepts: expected %d to %d characters that match %s", what, name, rule.Min, rule.Max, rule.Pattern)
	}
}

func (c *checker) once(what, name string, seen map[string]bool) {
	if seen[name] {
		c.fail("%s %q is there twice", what, name)
	}
	seen[name] = true
}

func (c *checker) variables(vars []Variable) {
	seen := map[string]bool{}
	for _, v := range vars {
		c.match("variable", v.Name, awsname.Variable)
		c.once("variable", v.Name, seen)
		if v.Default == "" || len(v.Default) > pipelinevar.MaxValue {
			c.fail("variable %s has a default of %d characters: expected 1 to %d", v.Name, len(v.Default), pipelinevar.MaxValue)
		}
		if len(v.Description) > maxDescription {
			c.fail("variable %s has a description of %d characters: expected at most %d", v.Name, len(v.Description), maxDescription)
		}
		c.known[pipelineNamespace] = append(c.known[pipelineNamespace], v.Name)
	}
}

// stage checks the actions in their order: what actions of the same order
// make is there for later ones only.
func (c *checker) stage(s Stage, first bool) {
	if len(s.Actions) == 0 {
		c.fail("stage %s has no action", s.Name)
	}
	seen, orders := map[string]bool{}, []int{}
	for _, a := range s.Actions {
		c.once("action", s.Name+"/"+a.Name, seen)
		orders = append(orders, a.Order)
		if (a.Type == SourceType) != first {
			c.fail("action %s in stage %s: the first stage, and only that, holds the source", a.Name, s.Name)
		}
		if a.Type == ApprovalType && len(s.Actions) > 1 {
			c.fail("action %s shares stage %s: an approval has a stage of its own, so that no retry skips it", a.Name, s.Name)
		}
	}
	slices.Sort(orders)
	for _, order := range slices.Compact(orders) {
		for _, a := range s.Actions {
			if a.Order == order {
				c.action(a)
			}
		}
		for _, a := range s.Actions {
			if a.Order == order {
				c.finish(a)
			}
		}
	}
}

// action checks one action against what was made before it.
func (c *checker) action(a Action) {
	c.match("action", a.Name, awsname.Pipeline)
	if a.Order < 1 || a.Order > 999 {
		c.fail("action %s has order %d: expected 1 to 999", a.Name, a.Order)
	}
	for _, in := range a.Inputs {
		if !c.artifacts[in] {
			c.fail("action %s reads artifact %q, which nothing before it makes", a.Name, in)
		}
	}
	for key, value := range a.Configuration {
		if value == "" || len(value) > pipelinevar.MaxValue {
			c.fail("action %s has %s of %d characters: expected 1 to %d", a.Name, key, len(value), pipelinevar.MaxValue)
		}
		c.references(a, value)
	}
	c.shape(a)
}

// references refuses variables that no earlier action exports: CodePipeline
// finds that out in the middle of a run.
func (c *checker) references(a Action, value string) {
	for _, v := range pipelinevar.In(value) {
		if !v.Closed() || !slices.Contains(c.known[v.Namespace], v.Name) {
			c.fail("action %s reads variable %q, which nothing before it exports", a.Name, v.Text)
		}
	}
}

// shape checks what the type of an action demands.
func (c *checker) shape(a Action) {
	var keys []string
	in, out := len(a.Inputs), len(a.Outputs)
	switch a.Type {
	case SourceType:
		keys = []string{KeyConnection, KeyRepository, KeyBranch}
		if in != 0 || out != 1 {
			c.fail("action %s has %d inputs and %d outputs: a source has no input and one output", a.Name, in, out)
		}
	case BuildType:
		keys = []string{KeyProject}
		if in < 1 || in > maxArtifacts || out > maxArtifacts {
			c.fail("action %s has %d inputs and %d outputs: a build has 1 to %d inputs and at most %d outputs", a.Name, in, out, maxArtifacts, maxArtifacts)
		}
		if p := a.Configuration[KeyPrimarySource]; (in > 1 || p != "") && !slices.Contains(a.Inputs, p) {
			c.fail("action %s has %s %q: expected one of its inputs %v", a.Name, KeyPrimarySource, p, a.Inputs)
		}
	case ApprovalType:
		keys = []string{KeyTopic}
		if in+out != 0 {
			c.fail("action %s has artifacts: an approval has none", a.Name)
		}
		if a.TimeoutMinutes < minWait || a.TimeoutMinutes > maxWait {
			c.fail("action %s waits %d minutes for an answer: expected %d to %d", a.Name, a.TimeoutMinutes, minWait, maxWait)
		}
	default:
		c.fail("action %s has type %v, which the platform does not know", a.Name, a.Type)
	}
	if a.Type != ApprovalType && a.TimeoutMinutes != 0 {
		c.fail("action %s has a timeout: CodePipeline accepts one of approvals only", a.Name)
	}
	for _, key := range keys {
		if a.Configuration[key] == "" {
			c.fail("action %s lacks %s", a.Name, key)
		}
	}
}

// finish publishes what an action leaves behind.
func (c *checker) finish(a Action) {
	for _, out := range a.Outputs {
		c.match("artifact", out, awsname.Artifact)
		c.once("artifact", out, c.artifacts)
	}
	if a.Namespace == "" {
		return
	}
	c.match("namespace", a.Namespace, awsname.Namespace)
	if _, taken := c.known[a.Namespace]; taken {
		c.fail("namespace %q of action %s is taken", a.Namespace, a.Name)
	}
	c.known[a.Namespace] = append([]string{}, a.Exports...)
}
