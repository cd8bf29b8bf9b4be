/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HDF5 is made by a program of its own, nanodose-hdf5, beside this one. */
#ifndef HDF5_PROGRAM_H
#define HDF5_PROGRAM_H

/* For output_run(); @stream must be of a regular file. */
int export_hdf5(const char *run, void *stream, char **error);

#endif /* HDF5_PROGRAM_H */
