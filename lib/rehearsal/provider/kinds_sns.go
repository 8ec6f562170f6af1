package provider

func snsKinds() []Kind { return nil }
