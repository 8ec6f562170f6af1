package provider

func codeconnectionsKinds() []Kind { return nil }
