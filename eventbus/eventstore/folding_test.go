package eventstore_test

var folding = []rule{}
