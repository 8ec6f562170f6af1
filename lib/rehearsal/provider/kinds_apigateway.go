package provider

func apigatewayKinds() []Kind { return nil }
