package apitest

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
)

const (
	updateFlag     = "update"
	updateVariable = "SINEW_UPDATE"
)

// init defines the flag only for a run that gives it. A package whose tests define an
// update flag of their own is initialized later, and would otherwise panic in every run.
func init() {
	if os.Getenv(updateVariable) == "" && gives(os.Args[1:], updateFlag) && flag.Lookup(updateFlag) == nil {
		flag.Bool(updateFlag, false, "write the golden files of apitest anew")
	}
}

// gives reports whether a flag is among the arguments.
func gives(args []string, name string) bool {
	for _, arg := range args {
		given, _, _ := strings.Cut(arg, "=")
		if given == "-"+name || given == "--"+name {
			return true
		}
	}
	return false
}

// updates reports whether golden files are to be written: by the environment where it says
// so, else by the flag update, whoever has defined it.
func updates() (bool, error) {
	if text := os.Getenv(updateVariable); text != "" {
		on, err := strconv.ParseBool(text)
		if err != nil {
			return false, fmt.Errorf("%s is %q: set it to 1 or 0", updateVariable, text)
		}
		return on, nil
	}
	f := flag.Lookup(updateFlag)
	return f != nil && f.Value.String() == "true", nil
}
