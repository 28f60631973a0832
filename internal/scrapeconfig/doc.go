// Package scrapeconfig reads the part of a Prometheus configuration that says what to scrape and how: from a Prometheus
// file, verbatim, or from a section of the collector's own configuration. Reading and checking is Prometheus' own code;
// added are clear errors where Sluice does less than Prometheus.
package scrapeconfig
