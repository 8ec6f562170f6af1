package provider

func secretsmanagerKinds() []Kind { return nil }
