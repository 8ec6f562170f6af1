// Package eventing makes what carries events and messages: the delivery bus
// with the policy that keeps strangers off it, the topics on which people are
// told, the function that starts all pipelines (Starter), the rule of an
// environment that has its pipeline started (StartRule), the rule that tells
// people what became of it (StateNotifications), and the dead-letter queues of
// them all. Subscribe is the one way to make a rule with its target.
package eventing
