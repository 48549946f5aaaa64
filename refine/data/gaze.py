from refine.labels.gaze import GAZE_SPACE as GAZE_SPACE
from refine.labels.gaze import MIRROR as MIRROR
from refine.labels.gaze import gaze_vector as gaze_vector
from refine.labels.gaze import pitch_yaw as pitch_yaw
