// Package spill is a log of records on disk, for data that has to wait for longer than memory lasts. It knows neither
// components nor pdata: a record is bytes, the lane it belongs to, its place in that lane and how many points it holds.
//
// # What it promises
//
// Records of one lane are read in the order of their sequence numbers, whatever the order they were appended in: what memory
// held in front of the log may be spilled last and is read first. Records of different lanes do not wait for each other. A
// record is there until Done or SetAside: Read does not remove it, so that a crash replays what was not acknowledged and
// nothing else. Read and Done may be called in any order, by any number of goroutines.
//
// Whoever holds newer data of a lane in memory delivers it only after [Log.Pending] of that lane is 0, or appends it: then
// new data does not overtake what is on disk.
//
//	when a call has returned      survives kill -9    survives power loss
//	Append                        yes                 no
//	Receipt.Wait, Fsync on        yes                 yes
//	Receipt.Wait, Fsync off       yes                 no
//	Done, SetAside                yes                 not certain: such a record may be read again
//
// Many receipts share one fsync: while one is under way, appends go on, and the next one covers all of them.
//
// # Files
//
//	lock                     held (flock) by the one process that uses the directory
//	0000000000000001.seg     records of all lanes, as appended
//	0000000000000001.done    offsets of those of its records that are done
//	aside/*.seg              records that were set aside, in the same format
//	aside/*.damaged          bytes that could not be read, as they were
//
//	segment:  "SLUICESP" | version 4 | CRC32C of both 4 | record...
//	record:   magic 4 | flags 4 | stored length 4 | length 4 | lane 8 | sequence 8 | points 8 | CRC32C of what is stored 4 |
//	          CRC32C of the header and its place 4 | the data, compressed by zstd if that is shorter
//	done:     "SLUICEDN" | version 4 | CRC32C of both 4 | mark...
//	mark:     magic 4 | CRC32C of the offset and the record's place 4 | offset 8
//
// Numbers are little endian. A place is a segment's number and an offset: a header is valid at its own only, so that after
// damage the next record is found by looking for it, and nothing inside of data is taken for one. A segment is written once: each Open begins a new one, and it is deleted as a whole when all its
// records are done. Where done records fill the disk between others that are not, the latter are moved.
//
// Nothing is mapped into memory: a file that somebody truncates costs its records, not the process. Memory holds 40 bytes for
// each record that waits, and for each Read the record as it is stored.
package spill
