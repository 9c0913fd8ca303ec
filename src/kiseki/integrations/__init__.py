"""Other libraries, heard or served: one file per library.

Owns what Kiseki knows of TensorBoard, Gymnasium, Keras and others. Uses the public package `kiseki` only
(and the guard that keeps trouble of ours from the script), so it shows what anybody could write. Imports a
library only when the script uses it. Start reading at `tensorboard.py`.
"""
