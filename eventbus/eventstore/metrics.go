package eventstore

import "github.com/prometheus/client_golang/prometheus"

type descs struct{ position *prometheus.Desc }

func descsOf(string) descs { return descs{} }
