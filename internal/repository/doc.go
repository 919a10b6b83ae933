// Package repository checks what holds for the whole tree. It has tests alone.
package repository
