package provider

func eventsKinds() []Kind { return nil }
